#!/usr/bin/env bash
# Boots Debian with systemd in an emulator, runs the command as a service with each option for hardening, and with the unit of
# docs/operators.md, and compares what comes out with results/systemd.txt.
#
#   systemd.sh
#
# It takes what kernels.sh does, and debootstrap. What is not here is NOT CHECKED, which is no failure.
set -euo pipefail
# shellcheck source=tests/hosts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
log=$folder/systemd.log
missing=$(lacking debootstrap qemu-system-x86_64 busybox cpio apt-get mkfs.ext4)
if [[ -n $missing ]]; then
    not_checked systemd "$missing"
    exit
fi
debian=$folder/debian
if [[ ! -e $debian/complete ]]; then
    rm -rf --one-file-system "$debian"
    mkdir -p "$debian"
    if ! debootstrap --variant=minbase --include=systemd-sysv,dbus bookworm "$debian/root" >"$log" 2>&1; then
        not_checked systemd "Debian cannot be fetched: $(tail -n 1 "$log")"
        exit
    fi
    touch "$debian/complete"
fi
if ! kernel=$("$here/kernel.sh" bookworm amd64 "$folder" 2>"$log"); then
    not_checked systemd "its kernel cannot be fetched: $(tail -n 1 "$log")"
    exit
fi
cargo build --locked --quiet --bin wpool

root=$folder/systemd-root
rm -rf "$root"
cp -a "$debian/root" "$root"
rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,man,locale}
install -m 755 "${CARGO_TARGET_DIR:-target}/debug/wpool" "$root/usr/bin/wpool"
strip "$root/usr/bin/wpool"
install -m 755 "$(type -P busybox)" "$root/usr/bin/busybox"
cp -r guest-examples/wasm "$root/guests"
mkdir -p "$root/checks" "$root/modules"
install -m 755 "$here/inside/systemd" "$root/checks/systemd"
install -m 755 "$here/inside/to-tmpfs" "$root/init"
sed -n '/^```ini$/,/^```$/p' docs/operators.md | grep -v '^```' >"$root/etc/systemd/system/wpool-example.service"
cat >"$root/etc/systemd/system/checks.service" <<'UNIT'
[Unit]
After=basic.target dbus.service
[Service]
Type=oneshot
ExecStart=/checks/systemd
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../checks.service "$root/etc/systemd/system/multi-user.target.wants/checks.service"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@.service"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$folder/systemd.cpio"
rm -rf "$root"
timeout --foreground 1800 qemu-system-x86_64 -cpu max -accel tcg -smp 2 -m 3000 -nographic -no-reboot -nic none \
    -append 'console=ttyS0 quiet panic=-1 systemd.show_status=0' -kernel "$kernel/vmlinuz" -initrd "$folder/systemd.cpio" \
    </dev/null >"$log" 2>&1 || true
rm -f "$folder/systemd.cpio"
tr -d '\r' <"$log" | sed -n 's/ *$//; s/.*wpool-result: //p' >"$folder/systemd.txt"
compare systemd ''
