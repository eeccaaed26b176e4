#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# embed.sh NAME SCRIPT HEADER: the SQL script as the C string tg_NAME_sql, a line
# of SQL a line of C. Comments stay out: they are for people.
set -eu
{
        echo "/* made from $1.sql by embed.sh */"
        echo '#pragma once'
        echo
        echo "static const char tg_$1_sql[] ="
        sed -e '/^[[:space:]]*--/d' -e '/^[[:space:]]*$/d' \
                -e 's/[\\"]/\\&/g' -e 's/^/        "/' -e 's/$/\\n"/' "$2"
        echo '        "";'
} >"$3"
