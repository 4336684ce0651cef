# kiln_test(FILE [LABEL label] [LINK libraries…] [CONCURRENT]): one Catch2 file, one executable (bin/tests/<stem>), one ctest
# entry. CONCURRENT: about threads, so that it also has label `concurrency` and runs under ThreadSanitizer.
# A file of its own links only what it tests, so that a broken layer does not keep the others' tests from running.
# Links kiln::kiln unless LINK says otherwise. A test that cannot run exits with 77 and is reported as skipped.
find_package(Catch2 2 REQUIRED)
add_library(kiln_catch_main STATIC ${CMAKE_SOURCE_DIR}/tests/catch_main.cpp)
target_link_libraries(kiln_catch_main PUBLIC Catch2::Catch2)

function(kiln_test file)
  cmake_parse_arguments(arg "CONCURRENT" "LABEL" "LINK" ${ARGN})
  get_filename_component(name ${file} NAME_WE)
  if(NOT DEFINED arg_LINK)
    set(arg_LINK kiln::kiln)
  endif()
  if(NOT DEFINED arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(${name} ${file})
  target_link_libraries(${name} PRIVATE kiln_catch_main ${arg_LINK})
  target_compile_options(${name} PRIVATE -g1) # errors name the user's line
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/tests)
  set_property(GLOBAL APPEND PROPERTY kiln_${arg_LABEL}_tests ${name})
  add_test(NAME ${arg_LABEL}/${name} COMMAND ${name})
  set(labels ${arg_LABEL})
  if(arg_CONCURRENT)
    list(APPEND labels concurrency)
    set_property(GLOBAL APPEND PROPERTY kiln_concurrency_tests ${name})
  endif()
  set_tests_properties(${arg_LABEL}/${name} PROPERTIES LABELS "${labels}" SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()
