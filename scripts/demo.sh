#!/usr/bin/env bash
# One command from a fresh checkout to a network that trains: installs what is missing, builds, and runs the digits
# example eagerly and compiled. Arguments go to the example: ./scripts/demo.sh --epochs 1
set -euo pipefail
source "$(dirname "$0")/lib.sh"

./scripts/setup.sh
configure release
build release digits kiln-compiler
mkdir -p build/demo
data=(--data build/demo/digits)
for argument in "$@"; do [[ $argument == --data* ]] && data=(); done
say "digits: 784-256-256-10, eagerly and compiled"
exec build/release/bin/digits "${data[@]}" --svg build/demo/loss.svg --dump build/demo/dump "$@"
