#!/usr/bin/env bash
# Rebuilds every guest into wasm/, identical to the byte wherever the checkout lies.
#
#   build.sh           write wasm/
#   build.sh --check   build into a temporary folder and compare with wasm/
set -euo pipefail

target=wasm32-unknown-unknown
largest_bytes=$((64 * 1024))

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
if [[ ! -d "$sysroot/lib/rustlib/$target" || "$(clean rustc --version)" != "rustc $toolchain "* ]]; then
    echo "build.sh: Rust $toolchain with $target is missing; get it with:" \
        "rustup target add $target --toolchain $toolchain (after: rustup toolchain install $toolchain)" >&2
    exit 1
fi

# These replace every rustflag of cargo's configuration files, the caller's own ones included.
flags=(
    --remap-path-prefix="${CARGO_HOME:-${HOME-}/.cargo}"=/cargo
    --remap-path-prefix="$sysroot"=/rust
    --remap-path-prefix="$target_dir"=/guest-examples/target
    --remap-path-prefix="$here"=/guest-examples
    # No guest keeps much on the stack in linear memory: one page of memory is enough for all of it.
    -Clink-arg=-zstack-size=4096
    -Clink-arg=--strip-all
)
encoded=$(IFS=$'\x1f'; echo "${flags[*]}")

clean CARGO_TARGET_DIR="$target_dir" CARGO_ENCODED_RUSTFLAGS="$encoded" \
    cargo build --quiet --release --locked --offline --target "$target"

guests=()
for manifest in */Cargo.toml; do guests+=("$(dirname "$manifest")"); done

failed=false
complain() { echo "build.sh: $*" >&2; failed=true; }

if $check; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
else
    out=$here/wasm
    mkdir -p "$out"
fi

for guest in "${guests[@]}"; do
    install -m 644 "$target_dir/$target/release/$guest.wasm" "$out/$guest.wasm"
    bytes=$(wc -c <"$out/$guest.wasm")
    if ((bytes > largest_bytes)); then
        complain "$guest.wasm has $bytes bytes, more than $largest_bytes"
    fi
    if $check && ! cmp -s "$out/$guest.wasm" "wasm/$guest.wasm"; then
        complain "wasm/$guest.wasm is not what its source builds to: run guest-examples/build.sh and commit the result"
    fi
done

for built in wasm/*.wasm; do
    [[ -d "$(basename "$built" .wasm)" ]] || complain "$built has no source"
done

if $failed; then exit 1; fi
