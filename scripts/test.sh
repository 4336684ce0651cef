#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; then the unit tests again under AddressSanitizer and UBSan.
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
# Programs that the first run compiles are found by the second: the sanitizer tree has no compiler library, whose build
# would take longer than everything else together.
export KILN_CACHE_DIR=$PWD/build/test-cache
mkdir -p -m 700 "$KILN_CACHE_DIR"
configure release
build release
say "every test"
run release ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)"

configure asan
build asan unit-tests
say "unit tests under AddressSanitizer and UBSan (but jit_test, which asks the compiler for its IR)"
# LLVM's libraries are not instrumented, so containers that cross into them must not be tracked; leaks in them are not ours.
ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
  run asan ctest --test-dir build/asan --output-on-failure --no-tests=error -L unit -E jit_test -j "$(nproc)"

say "closing lines"
printf '%s\n' "${closing[@]}"
exit "$failed"
