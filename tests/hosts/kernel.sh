#!/usr/bin/env bash
# Fetches a kernel of a Debian release, with its modules, and prints the folder that has both.
#
#   kernel.sh RELEASE ARCHITECTURE FOLDER   such as bookworm amd64 target/hosts
set -euo pipefail
release=$1 architecture=$2
mkdir -p "$3"
folder=$(cd "$3" && pwd -P)/$release-$architecture
if [[ -e $folder/fetched ]]; then
    echo "$folder"
    exit
fi
rm -rf "$folder"
mkdir -p "$folder/lists/partial"
cd "$folder"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" >sources.list
options=(-qq -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$folder/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Architecture="$architecture" -o APT::Architectures="$architecture"
    -o APT::Sandbox::User=root)
apt-get "${options[@]}" update >&2
package=$(apt-cache "${options[@]}" depends "linux-image-$architecture" | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
apt-get "${options[@]}" download "$package" >&2
dpkg-deb -x "$package"_*.deb unpacked
if [[ $architecture != "$(dpkg --print-architecture)" ]]; then
    apt-get "${options[@]}" download busybox-static >&2
    dpkg-deb -x busybox-static_*.deb unpacked
    cp unpacked/usr/bin/busybox . 2>/dev/null || cp unpacked/bin/busybox .
fi
mkdir -p lib
mv unpacked/boot/vmlinuz-* vmlinuz
# Where directories of the system are merged they lie below usr.
for modules in unpacked/lib/modules unpacked/usr/lib/modules; do
    if [[ -d $modules ]]; then mv "$modules" lib/; fi
done
rm -rf unpacked lists ./*.deb
touch fetched
echo "$folder"
