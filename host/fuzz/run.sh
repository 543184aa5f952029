#!/usr/bin/env bash
# Runs fuzz targets, all or those that are named, on their corpus and then for SECONDS each on what they make of it. Stops at the
# first finding and leaves the input in artifacts/TARGET. What is new is not added to the corpus.
#
#   host/fuzz/run.sh [SECONDS [TARGET...]]
#
# Stable Rust will do. With cargo-fuzz, `cargo +nightly fuzz run TARGET` in host/ does the same without an end, and with a sanitizer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-60}
targets=("${@:2}")
if ((${#targets[@]} == 0)); then
    targets=(fuzz_targets/*.rs)
fi

# What wpool depends on is built once, for this and for its tests.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
RUSTC_WRAPPER=$PWD/instrumented-rustc cargo build --locked --bins

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for target in "${targets[@]}"; do
    target=$(basename "$target" .rs)
    mkdir -p "artifacts/$target" "$scratch/$target"
    if ! "$CARGO_TARGET_DIR/debug/$target" "$scratch/$target" "corpus/$target" \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=512 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$scratch/log" 2>&1; then
        tail -n 40 "$scratch/log"
        echo "$target: found something; see above, and artifacts/$target" >&2
        exit 1
    fi
    printf '%s: %s runs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")"
done
