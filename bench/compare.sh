#!/usr/bin/env bash
# Kiln beside LibTorch, interleaved in one run, ratios first. Usage: bench/compare.sh [WORKLOAD…] [ROUNDS=3]
# LibTorch runs with its BLAS at its best: OpenBLAS told which CPU this is. Each side keeps its better of 1 and 2
# threads, and of each the best round's median, since a shared machine only ever adds time.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

rounds=${ROUNDS:-3}
bin=build/release/bin
workloads=("$@")
((${#workloads[@]})) || workloads=(first_net mlp_b64 mlp_b1024 block char_lm adamw gemm_256 gemm_512 gemm_1024 gemm_2048 pointwise data_loader eager_add)

configure release
build release kiln-bench kiln-compiler >/dev/null
have_torch=0
if ninja -C build/release -t query torch-bench >/dev/null 2>&1; then
  build release torch-bench >/dev/null
  have_torch=1
else
  echo "LibTorch is not installed: its columns are empty (scripts/setup.sh installs it)" >&2
fi

# OpenBLAS 0.3.21 takes newer CPUs for older ones unless told.
if [[ -z ${OPENBLAS_CORETYPE:-} ]]; then
  if grep -qw avx512f /proc/cpuinfo; then OPENBLAS_CORETYPE=SkylakeX
  elif grep -qw avx2 /proc/cpuinfo; then OPENBLAS_CORETYPE=Haswell
  fi
fi
[[ -z ${OPENBLAS_CORETYPE:-} ]] || export OPENBLAS_CORETYPE

threads=(1)
(($(nproc) > 1)) && threads+=(2)

# field NAME: that number of the one-line JSON object on standard input.
field() { sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p"; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(b == "" || a < b) }'; }

printf '%-10s %8s %8s %8s | %10s %8s %10s %10s | %9s %9s %9s %7s %9s\n' workload 'torch/' 'eager/' 'kiln/' \
  'kiln ms' threads 'torch ms' 'floor ms' 'cold ms' 'warm ms' 'call us' kernels 'peak/low'
printf '%-10s %8s %8s %8s |\n' '' kiln kiln floor
for workload in "${workloads[@]}"; do
  kiln='' torch='' eager='' kiln_line='' kiln_threads=''
  for ((round = 0; round < rounds; round++)); do
    for t in "${threads[@]}"; do
      export OMP_NUM_THREADS=$t OPENBLAS_NUM_THREADS=$t
      line=$("$bin/kiln-bench" --workload "$workload" --threads "$t" --json)
      ms=$(field median_ms <<<"$line")
      if less "$ms" "$kiln"; then kiln=$ms kiln_line=$line kiln_threads=$t; fi
      if ((have_torch)); then
        ms=$("$bin/torch-bench" --workload "$workload" --threads "$t" | field median_ms)
        if less "$ms" "$torch"; then torch=$ms; fi
      fi
      if ((round == 0)); then
        ms=$("$bin/kiln-bench" --workload "$workload" --mode eager --threads "$t" --json | field median_ms)
        if less "$ms" "$eager"; then eager=$ms; fi
      fi
    done
  done
  get() { field "$1" <<<"$kiln_line"; }
  awk -v w="$workload" -v k="$kiln" -v n="$kiln_threads" -v t="$torch" -v e="$eager" -v f="$(get floor_ms)" \
    -v cold="$(get compile_cold_ms)" -v warm="$(get compile_warm_ms)" -v call="$(get call_overhead_us)" \
    -v kernels="$(get kernels)" -v peak="$(get peak_bytes)" -v low="$(get lower_bound_bytes)" 'BEGIN {
      printf "%-10s %8s %8.2f %8.2f | %10.4f %8d %10s %10.4f | %9.1f %9.1f %9.2f %7d %9s\n", w,
        t == "" ? "-" : sprintf("%.2f", t / k), e / k, k / f, k, n, t == "" ? "-" : sprintf("%.4f", t), f,
        cold, warm, call, kernels, (low > 0 ? sprintf("%.2f", peak / low) : "-") }'
done
