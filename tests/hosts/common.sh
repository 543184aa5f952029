# Sourced by the scripts beside it. Goes to the project's root, and sets `here`, the folder of the scripts, and `folder`, where kernels and
# answers are kept: WPOOL_HOSTS, or target/hosts.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$here/../.."
folder=${WPOOL_HOSTS:-${CARGO_TARGET_DIR:-target}/hosts}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)

not_checked() { echo "NOT CHECKED: $1, because $2"; }

# Says which of these tools is missing, if one is.
lacking() {
    local tool
    for tool; do
        if ! type -P "$tool" >/dev/null; then
            echo "there is no $tool"
            return
        fi
    done
}

# compare NAME LEAVE_OUT: the answers in $folder/NAME.txt with those in results/NAME.txt, less the lines that sed's LEAVE_OUT deletes.
compare() {
    if diff -u <(sed "$2" "$here/results/$1.txt") "$folder/$1.txt"; then
        echo "$1: all $(wc -l <"$folder/$1.txt") results as before"
    else
        echo "$1: other results than before, see above; where the new ones are right, copy $folder/$1.txt to $here/results" >&2
        return 1
    fi
}
