/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into a server: counts its flushes in the file TG_FLUSHES, which is
 * mapped so that counting costs nothing. TG_SLOW_FLUSH_US adds to each.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static atomic_ulong *count;
static useconds_t slow_us;

__attribute__((constructor)) static void
start(void)
{
        const char *path = getenv("TG_FLUSHES");
        const char *slow = getenv("TG_SLOW_FLUSH_US");
        int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

        if (slow)
                slow_us = (useconds_t)atoi(slow);
        if (fd < 0 || ftruncate(fd, sizeof *count) < 0)
                return;
        count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
}

static int
flush(const char *name, int fd)
{
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

        if (count)
                atomic_fetch_add(count, 1);
        if (slow_us)
                usleep(slow_us);

        return real(fd);
}

int
fsync(int fd)
{
        return flush("fsync", fd);
}

int
fdatasync(int fd)
{
        return flush("fdatasync", fd);
}
