#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check-format.sh - .clang-format decides, with clang-format 14: others differ.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
command -v clang-format-14 >/dev/null || {
        echo "skipped: needs clang-format-14: tests/packages.sh test installs it"
        exit 77
}
find cli daemon dbus protocol relay tests -name '*.[ch]' -print0 |
        xargs -0 clang-format-14 --dry-run -Werror
