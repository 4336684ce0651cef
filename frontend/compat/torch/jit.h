// TorchScript: not offered.
#error                                                                                                       \
    "Kiln has no TorchScript; kiln::jit::compile compiles C++ modules and training steps. See docs/migrating-from-libtorch.md"
