#!/usr/bin/env bash
# What including Kiln costs: seconds to parse a file that includes one header and holds nothing else. ROUNDS=5, COMPILERS="clang++-22 g++".
# Wall time, median and (minimum). "standard library": the standard headers that Kiln's own include, so the least that
# including kiln/kiln.h can cost.
set -euo pipefail
source "$(dirname "$0")/../scripts/lib.sh"

rounds=${ROUNDS:-5}
read -r -a compilers <<<"${COMPILERS:-clang++-22 g++}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
includes=(-Ifrontend/include -Iir/include -Iruntime/include)
libtorch=/usr/include/torch/csrc/api/include

# parse COMPILER FILE FLAG…: "median (minimum)" seconds.
parse() {
  local compiler=$1 file=$2
  shift 2
  "$compiler" -fsyntax-only "$@" "$file" # warms the file cache, and says what is wrong
  local TIMEFORMAT=%R round
  for ((round = 0; round < rounds; round++)); do
    { time "$compiler" -fsyntax-only "$@" "$file"; } 2>&1
  done | sort -n | awk '{ t[NR] = $1 } END { printf "%.2f (%.2f)", t[int((NR + 1) / 2)], t[1] }'
}

echo '#include <kiln/kiln.h>' >"$scratch/kiln.cpp"
echo '#include <kiln/tensor.h>' >"$scratch/tensor.cpp"
echo '#include <torch/torch.h>' >"$scratch/torch.cpp"
"${compilers[0]}" -std=c++20 "${includes[@]}" -MM -MT all "$scratch/kiln.cpp" | tr ' ' '\n' | grep '/include/kiln/' |
  xargs grep -hoE '^#include <[a-z_]+>' | sort -u >"$scratch/standard.cpp"

printf '%-34s' 'seconds to parse'
printf ' %16s' "${compilers[@]}"
row() {
  printf '\n%-34s' "$1"
  shift
  for compiler in "${compilers[@]}"; do printf ' %16s' "$(parse "$compiler" "$@")"; done
}
row 'kiln/kiln.h' "$scratch/kiln.cpp" -std=c++20 "${includes[@]}"
row 'kiln/tensor.h' "$scratch/tensor.cpp" -std=c++20 "${includes[@]}"
row "standard library ($(wc -l <"$scratch/standard.cpp") headers)" "$scratch/standard.cpp" -std=c++20
row 'torch/torch.h, served by Kiln' "$scratch/torch.cpp" -std=c++20 "${includes[@]}" -Ifrontend/compat
if [[ -f $libtorch/torch/torch.h ]]; then
  row "torch/torch.h, LibTorch's" "$scratch/torch.cpp" -std=c++17 -w -isystem "$libtorch"
fi
echo
