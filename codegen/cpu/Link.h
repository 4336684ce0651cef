// Objects to one ELF shared object, by lld inside this process.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kiln::codegen::cpu {

struct LinkedImage {
  std::vector<std::byte> bytes; ///< ELF shared object, ready for dlopen
  double milliseconds = 0;
};

/// Links `objects` (ELF relocatable bytes) into a shared object that exports their global symbols. libm is
/// named as needed when an object calls it. One link at a time; others wait. Throws kiln::Error with lld's
/// message.
LinkedImage linkSharedObject(const std::vector<std::string>& objects);

} // namespace kiln::codegen::cpu
