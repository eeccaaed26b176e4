/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For each line of stdin, without its end, what @answer makes of it, in a line on stdout: "-" for
 * NULL, anything else is freed. Returns when the input ends. */
void answer_lines(char *(*answer)(const char *line));
