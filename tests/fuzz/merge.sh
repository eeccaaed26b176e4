#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# merge.sh DIRECTORY - makes the corpora anew out of themselves and what the fuzzers in
# DIRECTORY (tests/fuzz of a build) have found: of each only what reaches what neither the seeds
# nor another one do. Files named finding-… are kept: something was wrong with them once.
# FUZZ_TARGETS="A B": only these.
set -eu
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
directory=$(cd "$1" && pwd)
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
export ASAN_OPTIONS=detect_leaks=0 # each input has been run with it before

for fuzzer in "$directory"/fuzz-*; do
        name=${fuzzer##*/fuzz-}
        [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
        [[ " ${FUZZ_TARGETS:-$name} " == *" $name "* ]] || continue

        corpus=$source/corpus/$name
        mkdir -p "$corpus" "$directory/work/$name"
        cp -r "$directory/seeds/$name" "$kept/$name"
        cp "$corpus"/finding-* "$kept/$name/" 2>/dev/null || :
        "$fuzzer" -set_cover_merge=1 -max_len=8192 -use_counters=0 \
                "$kept/$name" "$corpus" "$directory/work/$name" >"$kept/log" 2>&1 || {
                tail -n 30 "$kept/log" >&2
                exit 1
        }
        for seed in "$directory/seeds/$name"/*; do
                rm "$kept/$name/${seed##*/}"
        done
        rm -r "$corpus"
        mv "$kept/$name" "$corpus"
        echo "$name: $(find "$corpus" -type f | wc -l) files, $(du -sb "$corpus" | cut -f1) octets"
done
