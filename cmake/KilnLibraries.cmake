# The two shared libraries, put together from the folders' object libraries.
find_package(ZLIB REQUIRED)
add_library(kiln SHARED $<TARGET_OBJECTS:kiln_runtime> $<TARGET_OBJECTS:kiln_records> $<TARGET_OBJECTS:kiln_frontend>)
target_include_directories(kiln PUBLIC
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/runtime/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/ir/include>
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/frontend/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(kiln PUBLIC cxx_std_20)
target_link_libraries(kiln PRIVATE kiln_runtime_deps ZLIB::ZLIB ${CMAKE_DL_LIBS})
set_target_properties(kiln PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
add_library(kiln::kiln ALIAS kiln)

add_library(kiln-compiler SHARED $<TARGET_OBJECTS:kiln_dialect> $<TARGET_OBJECTS:kiln_passes> $<TARGET_OBJECTS:kiln_codegen>)
target_link_libraries(kiln-compiler PRIVATE kiln kiln_codegen_deps MLIR LLVM)
set_target_properties(kiln-compiler PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)

# Threads of the pool run this library's code until the process ends, so that it cannot be unloaded.
target_link_options(kiln PRIVATE LINKER:-z,nodelete)

# A function that nobody defines is an error of the link, not of the first program that opens the compiler. (Sanitizers'
# own functions are defined by the program.)
if(NOT KILN_SANITIZE)
  target_link_options(kiln PRIVATE LINKER:-z,defs)
  target_link_options(kiln-compiler PRIVATE LINKER:-z,defs)
endif()
