/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * reaper COMMAND…: becomes COMMAND, as the one to whom processes fall whose
 * parent has gone. Process 1 of a container may not care for them: they would
 * stay as zombies, which polkit takes for living subjects.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
        if (argc < 2)
                return 2;
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        execvp(argv[1], argv + 1);
        fprintf(stderr, "reaper: %s: %s\n", argv[1], strerror(errno));
        return 127;
}
