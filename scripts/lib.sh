# Shared by the scripts: source it. Moves to the repository's root and offers `configure PRESET`.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Half a minute of nothing looks like a hang, so each step says what it does.
say() { printf '\033[1m== %s\033[0m\n' "$*"; }

# Configures when the build tree is new or the presets have changed; CMake re-runs itself for everything else.
configure() {
  local tree=build/$1
  if [[ ! -f $tree/build.ninja || CMakePresets.json -nt $tree/build.ninja ]]; then
    say "configure $1"
    mkdir -p build
    cmake --preset "$1" >"build/configure-$1.log" 2>&1 || { tail -n 40 "build/configure-$1.log" >&2; return 1; }
  fi
}

# build PRESET TARGET…: Ninja's own output; silent but for its last line when nothing is to be done. By way of the preset,
# whose environment lets ccache keep what is compiled with a precompiled header.
build() {
  local preset=$1
  shift
  cmake --build --preset "$preset" ${1:+--target "$@"}
}
