# LibTorch as Debian packages it (or at LIBTORCH_ROOT), for the comparison and the parity oracle alone: nothing of
# Kiln's own links it. Defines LibTorch::LibTorch when found. Not Torch's own package file, which sets global flags.
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${LIBTORCH_ROOT}/include)
find_path(LibTorch_API_INCLUDE_DIR torch/torch.h
  PATHS ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include PATH_SUFFIXES torch/csrc/api/include)
foreach(part torch torch_cpu c10)
  find_library(LibTorch_${part}_LIBRARY ${part} PATHS ${LIBTORCH_ROOT}/lib)
  mark_as_advanced(LibTorch_${part}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_torch_LIBRARY LibTorch_torch_cpu_LIBRARY
  LibTorch_c10_LIBRARY LibTorch_INCLUDE_DIR LibTorch_API_INCLUDE_DIR)
if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LibTorch_API_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR})
  # libtorch.so itself is an empty shell that would be dropped; its operators register from torch_cpu.
  target_link_libraries(LibTorch::LibTorch INTERFACE
    ${LibTorch_torch_LIBRARY} ${LibTorch_torch_cpu_LIBRARY} ${LibTorch_c10_LIBRARY})
endif()
