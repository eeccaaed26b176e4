#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# valgrind.sh REPLAY-PROGRAM… - seeds and corpora once more under valgrind, which sees what depends on
# memory that was never set. (A sanitizer for that would want every library built with it.)
set -u
corpora=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/corpus
command -v valgrind >/dev/null || {
        echo "skipped: needs valgrind: tests/packages.sh test installs it"
        exit 77
}
export G_SLICE=always-malloc
status=0
for program; do
        name=${program##*/replay-}
        valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
                "$program" "$corpora/$name" "$(dirname "$program")/seeds/$name" || {
                echo "^ $name, by ${program##*/} $corpora/$name"
                status=1
        }
done
exit $status
