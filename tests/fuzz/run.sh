#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh DIRECTORY NAME=DICTIONARY… - runs the fuzzers that lie in DIRECTORY; `ninja fuzz`.
# What is new goes to DIRECTORY/work/NAME, what breaks something to DIRECTORY/findings.
#
#   FUZZ_SECONDS=N       each target's time (3600)
#   FUZZ_TARGETS="A B"   only these
#   FUZZ_JOBS=N          so many targets at once (one a processor)
set -u
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
directory=$1
shift

wanted=()
for pair; do
        name=${pair%%=*}
        [[ " ${FUZZ_TARGETS:-$name} " == *" $name "* ]] || continue
        [ -x "$directory/fuzz-$name" ] || {
                echo "fuzzing needs a build with clang, whose libFuzzer it uses:" >&2
                echo "    CC=clang meson setup build-clang && ninja -C build-clang fuzz" >&2
                exit 1
        }
        wanted+=("$pair")
done
[ ${#wanted[@]} -gt 0 ] || {
        echo "no such target: $FUZZ_TARGETS" >&2
        exit 1
}

mkdir -p "$directory/findings"
export directory source
export ASAN_OPTIONS=detect_leaks=1:${ASAN_OPTIONS:-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

one() { # NAME=DICTIONARY
        local name=${1%%=*} log=$directory/work/${1%%=*}.log
        mkdir -p "$directory/work/$name"
        nice -n 19 "$directory/fuzz-$name" -max_total_time="${FUZZ_SECONDS:-3600}" \
                -dict="$source/dict/${1#*=}.dict" -artifact_prefix="$directory/findings/$name-" \
                -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -reload=0 \
                "$directory/work/$name" "$source/corpus/$name" "$directory/seeds/$name" >"$log" 2>&1
        local status=$?
        printf '%-9s %s\n' "$name" "$(grep -E '^#[0-9]+' "$log" | tail -n 1 | cut -c1-110)"
        [ $status = 0 ] || {
                echo "$name: FOUND something; the end of $log:"
                grep -vE '^#[0-9]+' "$log" | tail -n 60
        }
        return $status
}
export -f one

printf '%s\n' "${wanted[@]}" |
        xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'one {}' || {
        echo "findings: $directory/findings"
        exit 1
}
