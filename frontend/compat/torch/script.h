// TorchScript: not offered.
#error                                                                                                       \
    "Kiln has no TorchScript: it cannot load modules that torch.jit.save wrote. Load their weights with torch::load or load_state_dict from a .pth or .safetensors file into an nn::Module; see docs/migrating-from-libtorch.md"
