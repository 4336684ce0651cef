// c10::ArrayRef and IntArrayRef.
#pragma once

#if __has_include("kiln/array_ref.h")
#include "kiln/array_ref.h"
#endif
#include "kiln/options.h"

namespace c10 {
#if __has_include("kiln/array_ref.h")
using kiln::ArrayRef;
#endif
using kiln::IntArrayRef;
} // namespace c10
