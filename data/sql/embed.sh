#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# embed.sh NAME SCRIPT HEADER: the script, SQL or Lua, as the C string tg_NAME_sql or
# tg_NAME_lua, a line of it a line of C. Comments stay out: they are for people.
set -eu
kind=${2##*.}
{
        echo "/* made from $1.$kind by embed.sh */"
        echo '#pragma once'
        echo
        echo "static const char tg_$1_$kind[] ="
        sed -e '/^[[:space:]]*--/d' -e '/^[[:space:]]*$/d' \
                -e 's/[\\"]/\\&/g' -e 's/^/        "/' -e 's/$/\\n"/' "$2"
        echo '        "";'
} >"$3"
