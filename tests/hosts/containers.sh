#!/usr/bin/env bash
# Runs the command in containers of podman with the options that people use, and compares what comes out with
# results/containers.txt. Docker's own default profile comes from Debian's package of its source.
#
#   containers.sh
#
# It takes root, podman, runc, busybox-static. What is not here is NOT CHECKED, which is no failure.
set -euo pipefail
# shellcheck source=tests/hosts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
missing=$(lacking podman runc busybox mkfs.ext4)
if [[ -n $missing ]]; then
    not_checked containers "$missing"
    exit
fi
cargo build --locked --quiet --bin wpool

scratch=$(mktemp -d)
root=$scratch/root
mkdir "$root"
container=wpool-hosts-$$
trap 'podman rm --force --ignore "$container" >/dev/null 2>&1; rm -rf "$scratch"' EXIT
"$here/root.sh" "$root" amd64 - "$(cd "${CARGO_TARGET_DIR:-target}" && pwd -P)/debug/wpool"
chmod -R a+rX "$root"

# The limits of the machine's root may be lower than those that podman would set. It leaves a file where it runs when memory was short.
run() {
    (cd "$scratch" && timeout 120 podman --runtime runc --cgroup-manager cgroupfs run --rm --name "$container" --network none \
        --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "$@")
}

if ! why=$(run --rootfs "$root" true 2>&1); then
    not_checked containers "podman cannot start one here: $(tail -n 1 <<<"$why")"
    exit
fi

docker=$folder/docker-seccomp.json
if [[ ! -s $docker ]]; then
    package=golang-github-docker-docker-dev
    (cd "$root/tmp" && apt-get -qq -o APT::Sandbox::User=root download $package && dpkg-deb --fsys-tarfile $package*.deb |
        tar -xO ./usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json >"$docker") || rm -f "$docker"
fi

# What the command says in a container with these options. Words of the shell there, so that it is started once.
# shellcheck disable=SC2016
inside='
field() { sed -n "s/^  \"$1\": \"*\([^\",]*\)\"*,*$/\1/p" /dev/shm/doctor; }
wpool doctor --json >/dev/shm/doctor
echo "$(field level), runs as $(field runs_as), error $(field error)"
wpool map --isolation process /guests/square.wasm 1 2 3 4 5 2>/dev/null | tr "\n" " "
wpool run --dir /tmp::/d:ro /guests/tool.wasm -- read /d/file 2>/dev/null || echo "no directory"
wpool run --require-full --dir /tmp::/d:ro /guests/tool.wasm -- read /d/file >/dev/null 2>&1 && echo ", with full confinement"
'
printf something >"$root/tmp/file"
chmod 755 "$root/tmp"

check() {
    local name=$1
    shift
    echo "$name | $(run "$@" --rootfs "$root" sh -c "$inside" 2>&1 | tr '\n' ';')"
}

{
    check 'default'
    check 'an ordinary user' --user 1000
    check 'read-only' --read-only
    check '256 MB, 8 processes' --memory 256m --pids-limit 8
    check 'no capability' --cap-drop ALL
    check 'no capability, an ordinary user' --cap-drop ALL --user 1000
    check 'no capability, an ordinary user, no new privileges' --cap-drop ALL --user 1000 --security-opt no-new-privileges
    if [[ -s $docker ]]; then
        sed 's/"syscalls": \[/&{"names": ["unshare", "clone", "mount", "umount2", "pivot_root", "mount_setattr", "open_tree", "move_mount"], "action": "SCMP_ACT_ALLOW"},/' \
            "$docker" >"$root/etc/profile.json"
        check 'the profile of Docker, and what namespaces take' --security-opt seccomp="$root/etc/profile.json"
        check 'the profile of Docker, and what namespaces take, an ordinary user' --security-opt seccomp="$root/etc/profile.json" --user 1000
        check 'the profile of Docker' --security-opt seccomp="$docker"
        check 'the profile of Docker, an ordinary user' --security-opt seccomp="$docker" --user 1000
        check 'the profile of Docker, no capability' --security-opt seccomp="$docker" --cap-drop ALL
    fi
    # Two tasks that need 150 MB each, and one that needs nothing: each has its outcome, and the command lives.
    # shellcheck disable=SC2016
    pressure='wpool map -j 2 -f fill --json-lines /guests/faults.wasm 150 150 1 >/dev/shm/out 2>/dev/null
        grep -c . /dev/shm/out; grep -q "\"input\":\"1\".*\"outcome\":\"ok\"" /dev/shm/out && echo "and the small one has its result"'
    echo "outcomes of two tasks of 150 MiB and a small one in 200 MiB | $(run --memory 200m --memory-swap 200m --rootfs "$root" sh -c "$pressure" 2>&1 | tr '\n' ' ')$([[ ! -e $scratch/oom ]] || echo '; the kernel was short of memory')"
} >"$folder/containers.txt"

leave_out=
if [[ ! -s $docker ]]; then
    not_checked 'the profile of Docker' 'its package cannot be fetched'
    leave_out='/profile of Docker/d'
fi
compare containers "$leave_out"
