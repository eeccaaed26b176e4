#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-man.sh PROGRAM PAGE - what PROGRAM's help names stands in its manual page, and
# the other way round: verbs and options.
set -u
program=$1 page=$2 status=0
command -v mandoc >/dev/null || {
        echo "skipped: needs mandoc: tests/packages.sh test installs it"
        exit 77
}

help=$("$program" --help) || exit
verbs=$(sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' <<<"$help")
for verb in $verbs; do
        help+=$'\n'$("$program" "$verb" --help) || exit
done
# Overstruck letters of a page are one letter; other programs have options too.
manual=$(mandoc -T utf8 -O width=200 "$page" | sed -E 's/.\x08//g; s/(systemctl|busctl) --user//g')

words_of() { # TEXT: its long options
        grep -oE -- '(^|[^-[:alnum:]])--[a-z][a-z-]+' <<<"$1" | grep -oE -- '--[a-z-]+' | sort -u
}

while read -r option; do
        echo "$option: in the help of ${program##*/}, not in ${page##*/}"
        status=1
done < <(comm -23 <(words_of "$help") <(words_of "$manual"))
while read -r option; do
        echo "$option: in ${page##*/}, not in the help of ${program##*/}"
        status=1
done < <(comm -13 <(words_of "$help") <(words_of "$manual"))
for verb in $verbs; do
        grep -qE "^ +$verb( |\$)" <<<"$manual" || {
                echo "$verb: a verb of ${program##*/} that ${page##*/} does not tell about"
                status=1
        }
done
[ -n "$(words_of "$help")" ] || {
        echo "${program##*/} --help names no option at all"
        status=1
}
exit $status
