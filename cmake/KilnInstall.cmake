# `cmake --install`: two libraries, the public headers, and a package for find_package(kiln). The prefix can be moved: the
# libraries find each other by $ORIGIN, the package its files from where it lies. Programs never link LLVM.
#   component runtime      libkiln: all that a program with saved or cached code needs
#   component compiler     libkiln-compiler; it looks for the system's libMLIR and libLLVM where they were at build time
#   component development  headers and CMake files
include(CMakePackageConfigHelpers)

install(TARGETS kiln EXPORT kilnTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
set_target_properties(kiln-compiler PROPERTIES INSTALL_RPATH "$ORIGIN;${LLVM_LIBRARY_DIR}")
install(TARGETS kiln-compiler
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT compiler NAMELINK_COMPONENT development)
foreach(layer runtime ir frontend)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${layer}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT development FILES_MATCHING PATTERN "*.h")
endforeach()
if(EXISTS ${CMAKE_SOURCE_DIR}/frontend/compat)
  # Programs written for LibTorch: link kiln::torch instead of torch.
  add_library(kiln_torch INTERFACE)
  target_link_libraries(kiln_torch INTERFACE kiln)
  target_include_directories(kiln_torch INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/frontend/compat>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/kiln/compat>)
  set_target_properties(kiln_torch PROPERTIES EXPORT_NAME torch)
  add_library(kiln::torch ALIAS kiln_torch)
  install(TARGETS kiln_torch EXPORT kilnTargets)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/frontend/compat/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kiln/compat
          COMPONENT development FILES_MATCHING PATTERN "*.h")
endif()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/kiln)
install(EXPORT kilnTargets NAMESPACE kiln:: DESTINATION ${package} COMPONENT development)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/kilnConfig.cmake.in ${CMAKE_BINARY_DIR}/cmake/kilnConfig.cmake
                              INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/kilnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cmake/kilnConfig.cmake ${CMAKE_BINARY_DIR}/cmake/kilnConfigVersion.cmake
        DESTINATION ${package} COMPONENT development)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/kiln COMPONENT runtime)
