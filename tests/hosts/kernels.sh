#!/usr/bin/env bash
# Boots real kernels in an emulator, runs the command and tests on each, and compares what comes out with results/.
#
#   kernels.sh [--small] [NAME...]   NAME is a machine, such as 5.10-amd64; without any, all. --small runs the command, and no tests
#
# It takes Debian's apt-get, busybox-static, cpio, e2fsprogs, util-linux and qemu-system-x86; for arm64, qemu-system-arm,
# gcc-aarch64-linux-gnu and libc6-dev-arm64-cross. What is not here is NOT CHECKED, which is no failure. WPOOL_HOSTS names a folder
# for kernels and what the machines say, target/hosts if unset.
set -euo pipefail
# shellcheck source=tests/hosts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# How long one machine may take, in seconds: emulated, it is some twenty times as slow.
limit=1800
failed=0
small=
if [[ ${1-} == --small ]]; then
    small=1
    shift
fi

# name RELEASE ARCHITECTURE of each machine.
declare -A machines=(
    [5.10-amd64]='bullseye amd64'
    [6.1-amd64]='bookworm amd64'
    [6.12-amd64]='trixie amd64'
    [6.12-arm64]='trixie arm64'
)

# Builds the command and the tests for an architecture. Their paths go to the array `built`, as cargo prints them.
build() {
    if [[ -n $small && $1 == amd64 ]]; then
        cargo build --locked --quiet --bin wpool
        built=("$(cd "${CARGO_TARGET_DIR:-target}" && pwd -P)/debug/wpool")
        return
    fi
    local options=()
    if [[ $1 == arm64 ]]; then
        options=(--target aarch64-unknown-linux-gnu --test escape)
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
        export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
    else
        options=(--test escape --test it)
    fi
    mapfile -t built < <(cargo test --locked --features testing "${options[@]}" --no-run --message-format json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
    ((${#built[@]} >= 3))
}

# Boots a machine. What it says goes to NAME.log, its results to NAME.txt.
boot() {
    local name=$1 release=$2 architecture=$3 emulator options kernel missing
    case $architecture in
    amd64) emulator=qemu-system-x86_64 options=(-append 'console=ttyS0 quiet panic=-1') ;;
    arm64) emulator=qemu-system-aarch64 options=(-machine virt -append 'console=ttyAMA0 quiet panic=-1') ;;
    esac
    missing=$(lacking "$emulator" busybox cpio apt-get dpkg-deb mkfs.ext4)
    if [[ $architecture == arm64 && -z $missing ]]; then missing=$(lacking aarch64-linux-gnu-gcc); fi
    if [[ -n $missing ]]; then not_checked "$name" "$missing"; return; fi
    if ! kernel=$("$here/kernel.sh" "$release" "$architecture" "$folder" 2>"$folder/$name.log"); then
        not_checked "$name" "its kernel cannot be fetched: $(tail -n 1 "$folder/$name.log")"
        return
    fi
    build "$architecture"
    rm -rf "$folder/root"
    mkdir "$folder/root"
    "$here/root.sh" "$folder/root" "$architecture" "$kernel" "${built[@]}"
    (cd "$folder/root" && find . | cpio --quiet -o -H newc) >"$folder/$name.cpio"
    rm -rf "$folder/root"
    timeout --foreground "$limit" "$emulator" "${options[@]}" -cpu max -accel tcg -smp 2 -m 3000 -nographic -no-reboot -nic none \
        -kernel "$kernel/vmlinuz" -initrd "$folder/$name.cpio" </dev/null >"$folder/$name.log" 2>&1 || true
    rm -f "$folder/$name.cpio"
    tr -d '\r' <"$folder/$name.log" | sed -n 's/.*wpool-result: //p' >"$folder/$name.txt"
    compare "$name" "${small:+/^test /d}" || failed=1
}

names=("$@")
if ((${#names[@]} == 0)); then mapfile -t names < <(printf '%s\n' "${!machines[@]}" | sort -V); fi
for name in "${names[@]}"; do
    # shellcheck disable=SC2086 # two words
    boot "$name" ${machines[$name]:?no such machine}
done
exit $failed
