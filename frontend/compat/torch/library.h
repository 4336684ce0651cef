// Custom operators: not offered.
#error                                                                                                       \
    "Kiln has no operator registry: write functions of existing ops, or an autograd::Function. See docs/migrating-from-libtorch.md"
