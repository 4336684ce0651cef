#!/usr/bin/env bash
# Installs what building and testing Kiln needs, from the package sources that this machine already has. Debian 12 with
# LLVM 22's packages, or another Debian or Ubuntu with the same package names. Silent and quick when nothing is missing.
set -euo pipefail

build=(clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools liblld-22-dev
       libclang-rt-22-dev cmake ninja-build ccache zlib1g-dev libzstd-dev nlohmann-json3-dev libcli11-dev)
checks=(catch2 libbenchmark-dev clang-format-22 clang-tidy-22)
oracle=(libtorch-dev libopenblas0-pthread) # parity tests and comparison only: done without when it cannot be had
python=(python3-venv python3-torch python3-numpy) # tests/python only: done without as well

# A tool that is on the PATH from elsewhere (a newer CMake, say) counts as installed.
provided() {
  case $1 in
    cmake | ccache) command -v "$1" >/dev/null ;;
    ninja-build) command -v ninja >/dev/null ;;
    *) return 1 ;;
  esac
}

# One dpkg-query for all packages: a call for each takes seconds.
missing() {
  local have name
  have=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *|//p') || true # dpkg-query fails when one is unknown
  for name in "$@"; do
    grep -qxF "$name" <<<"$have" || provided "$name" || echo "$name"
  done
}

# PyPI's packages for tests/python, in a Python of their own that also sees Debian's.
python_packages() {
  local wanted=scripts/python-requirements.txt have=build/python/requirements.txt
  cmp -s "$wanted" "$have" && return
  echo "setup: installing $(grep -v '^#' "$wanted" | tr '\n' ' ')into build/python"
  { /usr/bin/python3 -m venv --system-site-packages build/python &&
    build/python/bin/pip install -q --disable-pip-version-check -r "$wanted" && cp "$wanted" "$have"; } ||
    echo "setup: going on without: tests of what Python reads and writes will be skipped" >&2
}

packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is not a Debian system; install the packages listed in README.md by hand" >&2
    return 0
  fi
  local needed optional root=()
  mapfile -t needed < <(missing "${build[@]}" "${checks[@]}")
  mapfile -t optional < <(missing "${oracle[@]}" "${python[@]}")
  ((${#needed[@]} + ${#optional[@]})) || return 0
  [[ $(id -u) == 0 ]] || root=(sudo)
  echo "setup: installing ${needed[*]} ${optional[*]}"
  "${root[@]}" apt-get update -q
  ((${#needed[@]} == 0)) ||
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends "${needed[@]}"
  ((${#optional[@]} == 0)) ||
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends "${optional[@]}" ||
    echo "setup: going on without ${optional[*]}: the comparisons with PyTorch will be skipped" >&2
}

cd "$(dirname "$0")/.."
packages
python_packages
