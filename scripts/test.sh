#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; then the unit tests again under AddressSanitizer and UBSan, and
# those about threads under ThreadSanitizer, and libFuzzer over the readers of files.
# Ends with each runner's own closing line. The exit code is non-zero when anything failed.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

failed=0
closing=()

# run NAME COMMAND…: shows the output as it comes and keeps the runner's closing line.
run() {
  local name=$1 log=build/test-$1.log status=0
  shift
  "$@" 2>&1 | tee "$log" || status=$?
  closing+=("$name: $(grep -E 'tests passed|No tests were found' "$log" | tail -n 1 || true)")
  [[ ${closing[-1]} == "$name: " ]] && closing[-1]="$name: no closing line; see $log" && status=1
  if ((status)); then failed=1; fi
}

./scripts/setup.sh
# The sanitizer trees do not build the compiler, which would take longer than everything else together: they open the
# release one, and find what it has compiled in the same cache.
export KILN_CACHE_DIR=$PWD/build/test-cache
mkdir -p -m 700 "$KILN_CACHE_DIR"
configure release
build release
say "every test"
run release ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)"
export KILN_COMPILER_PATH=$PWD/build/release/lib/libkiln-compiler.so

configure asan
build asan unit-tests
say "unit tests under AddressSanitizer and UBSan"
# LLVM's libraries are not instrumented, so containers that cross into them must not be tracked; leaks in them are not ours;
# and lld sets a signal stack of its own, which the sanitizer would unmap as its own.
ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0:use_sigaltstack=0 UBSAN_OPTIONS=print_stacktrace=1 \
  run asan ctest --test-dir build/asan --output-on-failure --no-tests=error -L unit -j "$(nproc)"

configure tsan
build tsan concurrency-tests
say "tests about threads under ThreadSanitizer"
TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
  run tsan ctest --test-dir build/tsan --output-on-failure --no-tests=error -L concurrency -j "$(nproc)"

configure fuzz
build fuzz fuzzers
say "fuzzers of the readers of files, a minute each"
run fuzz ctest --test-dir build/fuzz --output-on-failure --no-tests=error -L fuzz -j "$(nproc)"

say "closing lines"
printf '%s\n' "${closing[@]}"
exit "$failed"
