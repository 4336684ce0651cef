// Opening a library of ours on demand: found where the user says, and a failure that tells where it was
// looked for.
#include "kiln/runtime/compiler_loader.h"
#include "kiln/runtime/cpu_features.h"
#include "kiln/runtime/error.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace kiln::runtime;
using Catch::Contains;

TEST_CASE("a symbol is found in the file that the environment names, and in that library ever after") {
  setenv("KILN_TEST_LIBRARY", KILN_TEST_KERNELS, 1);
  void* add = load_symbol("kiln-test-one", "add", "KILN_TEST_LIBRARY");
  CHECK(add != nullptr);
  unsetenv("KILN_TEST_LIBRARY");
  CHECK(load_symbol("kiln-test-one", "add", "KILN_TEST_LIBRARY") == add);
  CHECK_THROWS_WITH(load_symbol("kiln-test-one", "nothing", "KILN_TEST_LIBRARY"),
                    "libkiln-test-one has no symbol 'nothing': it is of another version");
}

TEST_CASE("a library that is nowhere gives an error with every place that was tried") {
  unsetenv("KILN_TEST_LIBRARY");
  CHECK_THROWS_WITH(
      load_symbol("kiln-test-two", "add", "KILN_TEST_LIBRARY"),
      Contains("cannot open libkiln-test-two (KILN_TEST_LIBRARY names its file or folder); tried:") &&
          Contains("/libkiln-test-two.so.0: no such file") && Contains("/lib/libkiln-test-two.so"));
}

TEST_CASE("where the environment names a place, no other is tried") {
  setenv("KILN_TEST_LIBRARY", "/nonexistent/compiler.so", 1);
  CHECK_THROWS_WITH(load_symbol("kiln-test-three", "add", "KILN_TEST_LIBRARY"),
                    Contains("tried:\n  /nonexistent/compiler.so: no such file") &&
                        !Contains("libkiln-test-three.so"));
  setenv("KILN_TEST_LIBRARY", "/usr", 1); // a folder
  CHECK_THROWS_WITH(load_symbol("kiln-test-three", "add", "KILN_TEST_LIBRARY"),
                    Contains("/usr/libkiln-test-three.so.0: no such file"));
  unsetenv("KILN_TEST_LIBRARY");
}

TEST_CASE("a file that is not a library says so") {
  setenv("KILN_TEST_LIBRARY", "/etc/passwd", 1);
  CHECK_THROWS_WITH(load_symbol("kiln-test-four", "add", "KILN_TEST_LIBRARY"),
                    Contains("/etc/passwd") && Contains("ELF"));
  unsetenv("KILN_TEST_LIBRARY");
}

TEST_CASE("this machine's features are a stable line, and it lacks none of them") {
  CHECK(cpu_features() == cpu_features());
  CHECK(cpu_features().find(' ') != std::string::npos);
  CHECK(missing_cpu_features(cpu_features()).empty());
  CHECK(missing_cpu_features("something else").empty());
  const std::string other = cpu_features().starts_with("x86_64") ? "aarch64" : "x86_64";
  CHECK(missing_cpu_features(other + " x") == " " + other);
}

TEST_CASE("a lowered level of the CPU changes the key") {
  const std::string before = cpu_features();
  setenv("KILN_CPU", "avx2", 1);
  CHECK(cpu_features() == before + " KILN_CPU=avx2");
  unsetenv("KILN_CPU");
}
