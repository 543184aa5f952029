#!/usr/bin/env bash
# Rebuilds every guest into wasm/, identical to the byte wherever the checkout lies.
#
#   build.sh           write wasm/
#   build.sh --check   build into a temporary folder and compare with wasm/
set -euo pipefail

# A guest is a folder: NAME/src/main.rs is a program, and with `wasip2 = true` in NAME/Cargo.toml a second one, NAME-p2, which is a
# component; NAME/Cargo.toml with wit-bindgen is a component, any other a core module; NAME/NAME.wat is text.
core_target=wasm32-unknown-unknown
component_target=wasm32-wasip2
program_target=wasm32-wasip1
largest_bytes=$((64 * 1024))
largest_program_bytes=$((256 * 1024))

check=false
case "${1-}" in
    '') ;;
    --check) check=true ;;
    *) echo "usage: build.sh [--check]" >&2; exit 2 ;;
esac

# A relative CARGO_TARGET_DIR is relative to where the caller stands.
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$(pwd -P)
case "${CARGO_TARGET_DIR-}" in
    '') target_dir=$here/target ;;
    /*) target_dir=$CARGO_TARGET_DIR ;;
    *) target_dir=$caller/$CARGO_TARGET_DIR ;;
esac

toolchain=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)

# Flags, profiles, wrappers and toolchains from the caller's environment must not change the bytes.
keep=(PATH="$PATH" HOME="${HOME-}")
for name in CARGO_HOME RUSTUP_HOME RUSTUP_AUTO_INSTALL TMPDIR; do
    if [[ -n "${!name-}" ]]; then keep+=("$name=${!name}"); fi
done
clean() { env -i "${keep[@]}" "$@"; }

sysroot=$(clean rustc --print sysroot 2>/dev/null) || sysroot=
if [[ "$(clean rustc --version 2>/dev/null)" != "rustc $toolchain "* ]]; then sysroot=; fi
for target in "$core_target" "$component_target" "$program_target"; do
    if [[ ! -d "$sysroot/lib/rustlib/$target" ]]; then
        echo "build.sh: Rust $toolchain with $target is missing; get it with:" \
            "rustup target add $target --toolchain $toolchain (after: rustup toolchain install $toolchain)" >&2
        exit 1
    fi
done
host=$(clean rustc -vV | sed -n 's/^host: //p')

core=() components=() texts=() programs=() component_programs=()
for manifest in */Cargo.toml; do
    guest=$(dirname "$manifest")
    if [[ -e $guest/src/main.rs ]]; then
        programs+=("$guest")
        if grep -q "^wasip2 = true" "$manifest"; then component_programs+=("$guest"); fi
    elif grep -q "^wit-bindgen" "$manifest"; then components+=("$guest"); else core+=("$guest"); fi
done
for text in */*.wat; do texts+=("$(dirname "$text")"); done

# A download may need the caller's proxies and certificates, and is checked against Cargo.lock. Nothing is downloaded twice.
cargo fetch --quiet --locked --target "$core_target" --target "$component_target" --target "$program_target" --target "$host"

# These replace every rustflag of cargo's configuration files, the caller's own ones included.
anywhere=(
    --remap-path-prefix="${CARGO_HOME:-${HOME-}/.cargo}"=/cargo
    --remap-path-prefix="$sysroot"=/rust
    --remap-path-prefix="$target_dir"=/guest-examples/target
    --remap-path-prefix="$here"=/guest-examples
)

# build TARGET STACK_BYTES GUEST...
build() {
    local packages=() guest encoded
    for guest in "${@:3}"; do packages+=(--package "$guest"); done
    encoded=$(IFS=$'\x1f'; echo "${anywhere[*]}"$'\x1f'"-Clink-arg=-zstack-size=$2"$'\x1f'-Clink-arg=--strip-all)
    clean CARGO_TARGET_DIR="$target_dir" CARGO_ENCODED_RUSTFLAGS="$encoded" \
        cargo build --quiet --release --locked --offline --target "$1" "${packages[@]}"
}

# No guest keeps much on the stack in linear memory: one page of memory is enough for all of it.
build "$core_target" 4096 "${core[@]}"
build "$component_target" 16384 "${components[@]}"

# Programs have the stack that their linker gives them.
build "$program_target" 1048576 "${programs[@]}"
build "$component_target" 1048576 "${component_programs[@]}"

# A tool for this machine: its own bytes do not matter.
clean CARGO_TARGET_DIR="$target_dir" CARGO_ENCODED_RUSTFLAGS= \
    cargo build --quiet --locked --offline --target "$host" --package strip
strip=$target_dir/$host/debug/strip

failed=false
complain() { echo "build.sh: $*" >&2; failed=true; }

if $check; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
else
    out=$here/wasm
    mkdir -p "$out"
fi

# finish GUEST FROM [LARGEST]: what GUEST was built to, FROM, becomes its file.
finish() {
    local made=$out/$1.wasm bytes largest_bytes=${3:-$largest_bytes}
    "$strip" "$2" "$made"
    bytes=$(wc -c <"$made")
    if ((bytes > largest_bytes)); then complain "$1.wasm has $bytes bytes, more than $largest_bytes"; fi
    if $check && ! cmp -s "$made" "wasm/$1.wasm"; then
        complain "wasm/$1.wasm is not what its source builds to: run guest-examples/build.sh and commit the result"
    fi
}

for guest in "${core[@]}"; do finish "$guest" "$target_dir/$core_target/release/$guest.wasm"; done
for guest in "${components[@]}"; do finish "$guest" "$target_dir/$component_target/release/$guest.wasm"; done
for guest in "${programs[@]}"; do
    finish "$guest" "$target_dir/$program_target/release/$guest.wasm" "$largest_program_bytes"
done
for guest in "${component_programs[@]}"; do
    finish "$guest-p2" "$target_dir/$component_target/release/$guest.wasm" "$largest_program_bytes"
done
for guest in "${texts[@]}"; do finish "$guest" "$guest/$guest.wat"; done

for built in wasm/*.wasm; do
    guest=$(basename "$built" .wasm)
    [[ -d "${guest%-p2}" ]] || complain "$built has no source"
done

if $failed; then exit 1; fi
