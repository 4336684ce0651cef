#!/usr/bin/env bash
# run.sh BUILD_TREE CXX_COMPILER CMAKE: installs to one folder, moves it to another, builds consumer/ against it with plain CMake
# and runs that twice: with an empty cache (compiling) and without a compiler (from the cache).
set -euo pipefail
tree=$1 compiler=$2 cmake=$3
here=$(cd "$(dirname "$0")" && pwd)

for library in libkiln.so libkiln-compiler.so; do
  if [[ ! -e $tree/lib/$library ]]; then
    echo "skipped: $library is not built in $tree"
    exit 77
  fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$cmake" --install "$tree" --prefix "$work/first" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
mv "$work/first" "$work/moved"
prefix=$work/moved

fail() { echo "FAILED: $*"; exit 1; }
dynamic=$(readelf -d "$prefix"/lib*/libkiln.so)
grep -Eq 'NEEDED.*(LLVM|MLIR|kiln-compiler)' <<<"$dynamic" && fail "libkiln must not need LLVM: $dynamic"
grep -rlE "$work/first|$tree" "$prefix"/lib*/cmake && fail "the package's files name the place they were made in"

# Nothing of the build tree may help.
unset KILN_COMPILER_PATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH
"$cmake" -S "$here/consumer" -B "$work/build" -DCMAKE_CXX_COMPILER="$compiler" -Dkiln_ROOT="$prefix" \
  -DCMAKE_BUILD_TYPE=Release >"$work/configure.log" 2>&1 || { cat "$work/configure.log"; exit 1; }
"$cmake" --build "$work/build"

export KILN_CACHE_DIR=$work/cache
echo "-- with the compiler"
"$work/build/consumer"
echo "-- from the cache, without the compiler"
rm "$prefix"/lib*/libkiln-compiler.so*
"$work/build/consumer"
