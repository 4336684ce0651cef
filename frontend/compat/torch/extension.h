// Extensions of Python: not offered.
#error "Kiln has no Python extensions. See docs/migrating-from-libtorch.md"
