#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-secrets-ct.sh PROGRAM - runs the test of constant time under valgrind.
set -u
command -v valgrind >/dev/null || {
        echo "skipped: needs valgrind: tests/packages.sh test installs it"
        exit 77
}
exec valgrind --quiet --error-exitcode=1 --track-origins=no --leak-check=no \
        --suppressions="$(dirname "${BASH_SOURCE[0]}")/secrets-ct.supp" "$1"
