/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/flushes.h"

guint n_flushes;

/* SQLite finds these first. */
int fdatasync(int fd);
int fsync(int fd);

int
fdatasync(int fd)
{
        n_flushes++;
        return 0;
}

int
fsync(int fd)
{
        n_flushes++;
        return 0;
}
