#!/usr/bin/env bash
# Formatting, clang-tidy and sizes. Usage: scripts/lint.sh [--fix] [--all] [--base REVISION]
#   --fix    reformat instead of reporting     --all    clang-tidy on every source, not only on changed ones
#   --base   what "changed" compares with (default: the merge base with main)
# Fails when a file is not formatted or clang-tidy warns. Sizes are a report: they fail nothing.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

fix=0 all=0 base=$(git merge-base HEAD main 2>/dev/null || git rev-parse HEAD)
while (($#)); do
  case $1 in
    --fix) fix=1 ;;
    --all) all=1 ;;
    --base) base=$2; shift ;;
    *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done

status=0
mapfile -t sources < <(git ls-files --cached --others --exclude-standard -- '*.h' '*.cpp' '*.cu' |
  while read -r file; do [[ -f $file ]] && echo "$file"; done)

check_format() {
  if ((fix)); then clang-format-22 -i "${sources[@]}"; return; fi
  say "clang-format"
  local bad
  bad=$(printf '%s\0' "${sources[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format-22 --dry-run 2>&1 |
    sed -n 's/^\([^:]*\):.*warning.*/\1/p' | sort | uniq -c | sort -rn || true)
  if [[ -n $bad ]]; then
    echo "not formatted (places, file); scripts/lint.sh --fix mends them:"
    echo "$bad"
    status=1
  else
    echo "${#sources[@]} files are formatted"
  fi
}

check_tidy() {
  say "clang-tidy"
  configure release
  local files
  if ((all)); then files=$(git ls-files -- '*.cpp')
  else files=$({ git diff --name-only --diff-filter=d "$base" -- '*.cpp'; git ls-files --others --exclude-standard -- '*.cpp'; } | sort -u)
  fi
  # Only what the build compiles has flags; bench/torch_bench.cpp, say, has none where LibTorch is absent.
  files=$(while read -r file; do grep -qF "/$file\"" build/release/compile_commands.json && echo "$file"; done <<<"$files" || true)
  if [[ -z $files ]]; then echo "no changed sources"; return; fi
  # Generated headers and the precompiled one must exist before clang-tidy reads what includes them.
  build release kiln_dialect_gen kiln_passes_gen kiln_mlir_pch >/dev/null || status=1
  xargs -n 1 -P "$(nproc)" clang-tidy-22 --quiet -p build/release --extra-arg=-Wno-unknown-warning-option <<<"$files" ||
    status=1
}

report_sizes() {
  say "sizes"
  printf '%s\0' "${sources[@]}" $(git ls-files '*.td' '*.mlir' '*.sh' 'CMakeLists.txt' '*/CMakeLists.txt' '*.cmake') |
    xargs -0 wc -l | awk '
      $2 != "total" {
        split($2, part, "/"); folder = index($2, "/") ? part[1] : "."
        lines[folder] += $1; files[folder]++; total += $1; count++
        if ($1 > 800) printf "over 800 lines: %5d %s\n", $1, $2
        else if ($1 > 400) printf "over 400 lines: %5d %s\n", $1, $2
      }
      END {
        for (folder in lines) printf "%7d lines %4d files  %s\n", lines[folder], files[folder], folder | "sort -rn"
        close("sort -rn"); printf "%7d lines %4d files  in all\n", total, count
      }'
  local library
  for library in build/release/lib/libkiln.so build/release/lib/libkiln-compiler.so; do
    [[ -e $library ]] && printf '%7d KiB  %s\n' "$(($(stat -Lc %s "$library") / 1024))" "$library"
  done
  return 0
}

check_format
((fix)) || check_tidy
report_sizes
exit "$status"
