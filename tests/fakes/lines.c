/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fakes/lines.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
answer_lines(char *(*answer)(const char *line))
{
        char *line = NULL;
        size_t n_room = 0;

        while (getline(&line, &n_room, stdin) > 0) {
                g_autofree char *reply = NULL;

                line[strcspn(line, "\n")] = '\0';
                reply = answer(line);
                printf("%s\n", reply != NULL ? reply : "-");
                fflush(stdout);
        }
        free(line);
}
