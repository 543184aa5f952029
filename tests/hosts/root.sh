#!/usr/bin/env bash
# Fills an empty folder with all that a small machine needs: busybox, the checks, what is to be checked with its libraries, guests,
# users, and modules of its kernel.
#
#   root.sh FOLDER ARCHITECTURE KERNEL EXECUTABLE...   KERNEL is a folder of kernel.sh, or - for none; executables lie at their own
#                                                      paths there
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
sources=$(cd "$here/../.." && pwd -P)
root=$1 architecture=$2 kernel=$3
shift 3

chmod 755 "$root"
mkdir -p "$root"/{etc,usr/bin,usr/sbin,lib,lib64,modules,checks,home,proc,sys,dev,tmp,root}
ln -s usr/bin "$root/bin"
ln -s usr/sbin "$root/sbin"

case $architecture in
arm64) strip=aarch64-linux-gnu-strip libraries=/usr/aarch64-linux-gnu/lib ;;
*) strip=strip libraries= ;;
esac

# A program with its libraries, at the path where it is here.
add() {
    local program=$1 library
    mkdir -p "$root$(dirname "$program")"
    cp -L "$program" "$root$program"
    "$strip" "$root$program" 2>/dev/null || true
    if [[ -n $libraries ]]; then return; fi
    while read -r library; do
        if [[ ! -e $root$library ]]; then
            mkdir -p "$root$(dirname "$library")"
            cp -L "$library" "$root$library"
        fi
    done < <(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true)
}

if [[ -n $libraries ]]; then
    cp -L "$kernel/busybox" "$root/bin/busybox"
    mkdir -p "$root/lib"
    cp -L "$libraries"/{ld-linux-aarch64.so.1,libc.so.6,libm.so.6,libgcc_s.so.1} "$root/lib/"
else
    cp -L "$(type -P busybox)" "$root/bin/busybox"
    # Tests use these; busybox has others of that name.
    for program in mkfs.ext4 mount umount losetup fsfreeze setpriv unshare prlimit bash true cat env; do
        add "$(type -P "$program")"
    done
    add "$(type -P dash)"
    ln -s dash "$root/bin/sh"
fi

while read -r applet; do
    [[ -e $root/usr/bin/$applet || -e $root/usr/sbin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
done < <(busybox --list)

for program; do
    add "$program"
    # Of those for tests each has a name of its own.
    case $program in
    */wpool) ln -s "$program" "$root/usr/bin/wpool" ;;
    */escape-*) echo "$program" >"$root/checks/escape" ;;
    */it-*) echo "$program" >"$root/checks/it" ;;
    esac
done
# Tests run where cargo runs them, and find guests from there.
mkdir -p "$root$sources/host" "$root$sources/guest-examples"
echo "$sources/host" >"$root/checks/at"
cp -r "$sources/guest-examples/wasm" "$root$sources/guest-examples/"
ln -s "$sources/guest-examples/wasm" "$root/guests"

cp "$here"/inside/{all,on-initramfs} "$root/checks/"
install -m 755 "$here/inside/init" "$root/init"
printf '%s:x:%s:%s::%s:/bin/sh\n' root 0 0 /root ada 1000 1000 /home/ada bob 1001 1001 /home/bob nobody 65534 65534 / >"$root/etc/passwd"
printf '%s:x:%s:\n' root 0 ada 1000 bob 1001 nogroup 65534 >"$root/etc/group"

if [[ $kernel == - ]]; then exit; fi
# ext4 on a loop device, in the order in which they need each other; what is built in is not there.
for module in crc16 crc32c_generic libcrc32c mbcache jbd2 ext4 loop; do
    file=$(find "$kernel/lib/modules" -name "$module.ko*" -print -quit)
    if [[ -z $file ]]; then continue; fi
    cp "$file" "$root/modules/"
    if [[ $file == *.xz ]]; then xz -d "$root/modules/$module.ko.xz"; fi
    echo "$module.ko" >>"$root/modules/order"
done
