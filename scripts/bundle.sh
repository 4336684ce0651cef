#!/usr/bin/env bash
# A folder that runs on a machine without LLVM: libkiln, and libkiln-compiler with MLIR and LLVM (x86 alone) linked in, with
# headers and CMake package, packed as build/kiln-VERSION.tar.xz. Takes a built release tree; links again, compiles nothing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

configure release
build release libkiln.so libkiln-compiler.so
tree=$PWD/build/release
bundle=$PWD/build/bundle
llvm=$(sed -n 's/^LLVM_DIR:PATH=\(.*\)\/cmake\/llvm$/\1/p' "$tree/CMakeCache.txt")
[[ -d $llvm ]] || { echo "bundle: LLVM's folder is not in $tree/CMakeCache.txt" >&2; exit 1; }

say "install"
rm -rf "$bundle"
cmake --install "$tree" --prefix "$bundle" --strip >/dev/null

# Archives give only what is referenced, but lld's own start-up refers to every target: their names are given to x86's.
mlir=$(ls "$llvm"/libMLIR*.a | grep -vE 'Test|CAPI|Main|OptLib|Lsp|TableGen|Tblgen|Reduce|Query')
archives=$(ls "$llvm"/libLLVM*.a | grep -vE 'TestingSupport|TableGen|Exegesis|MCA|gtest|Fuzz')
options=(-fuse-ld=lld -Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,-O2 -Wl,-s -Wl,-z,defs
  '-Wl,-rpath,$ORIGIN'
  -Wl,--defsym=_Z18getPollyPluginInfov=0) # link-time optimisation, which we never run, would call it
for target in $(sed -nE 's#.*/libLLVM(.+)CodeGen\.a#\1#p' <<<"$archives" | grep -vx -e X86 -e Global); do
  for part in Target TargetInfo TargetMC AsmParser AsmPrinter Disassembler; do
    options+=("-Wl,--defsym=LLVMInitialize$target$part=LLVMInitializeX86$part")
  done
done

say "link the compiler with MLIR and LLVM inside"
compiler=$(find "$bundle" -name 'libkiln-compiler.so.*.*' -type f)
objects=$(ninja -C "$tree" -t query "lib/$(basename "$compiler")" | grep -oE '[^ ]+\.o$' | sed "s#^#$tree/#")
libkiln=$(find "$bundle" -name 'libkiln.so.*.*' -type f)
clang++-22 -shared -fPIC -Wl,-soname,libkiln-compiler.so.0 -o "$compiler" $objects "$libkiln" "${options[@]}" \
  $mlir $archives "$llvm"/liblldELF.a "$llvm"/liblldCommon.a -l:libz.a -l:libzstd.a

needed=$(readelf -d "$compiler" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')
grep -qE 'LLVM|MLIR' <<<"$needed" && { echo "bundle: still needs $needed" >&2; exit 1; }

say "pack"
archive=build/kiln-$(basename "$libkiln" | sed 's/libkiln.so.//').tar.xz
tar -C "$bundle" -c . | xz -T0 -6 >"$archive"
size=$(stat -c %s "$archive")
echo "$archive: $((size >> 20)) MiB; the compiler is $(($(stat -c %s "$compiler") >> 20)) MiB and needs $needed"
((size <= 64 << 20)) || { echo "bundle: larger than 64 MiB" >&2; exit 1; }
