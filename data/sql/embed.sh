#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# embed.sh NAME FILE HEADER: the file (SQL, Lua, HTML, CSS, JavaScript) as the C string
# tg_NAME_sql and so on, a line of it a line of C. Lines that are nothing but a comment, and
# indentation, stay out: they are for people.
set -eu
kind=${2##*.}
case $kind in
sql | lua) comment='--' ;;
html) comment='<!--.*-->$' ;;
css) comment='\/\*.*\*\/$' ;;
js) comment='\/\/' ;;
*) exit 2 ;;
esac
{
        echo "/* made from $1.$kind by embed.sh */"
        echo '#pragma once'
        echo
        echo "static const char tg_$1_$kind[] ="
        sed -e "/^[[:space:]]*$comment/d" -e '/^[[:space:]]*$/d' \
                -e 's/^[[:space:]]*//' -e 's/[\\"]/\\&/g' -e 's/^/        "/' -e 's/$/\\n"/' "$2"
        echo '        "";'
} >"$3"
