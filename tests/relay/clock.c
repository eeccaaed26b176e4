/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into a relay: its wall clock is wrong by as many seconds as the number in the file
 * TG_WRONG says, eight octets, at any moment. The clock that does not jump is left alone.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wrong_s;

int
clock_gettime(clockid_t clock, struct timespec *ret_now)
{
        int r = (int)syscall(SYS_clock_gettime, clock, ret_now);

        if (r == 0 && wrong_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                ret_now->tv_sec += *wrong_s;

        return r;
}

int
gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        ret_now->tv_sec = now.tv_sec;
        ret_now->tv_usec = now.tv_nsec / 1000;

        return 0;
}

time_t
time(time_t *ret_now)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        if (ret_now)
                *ret_now = now.tv_sec;

        return now.tv_sec;
}

__attribute__((constructor)) static void
start(void)
{
        const char *path = getenv("TG_WRONG");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (fd < 0)
                return;
        wrong_s = mmap(NULL, sizeof *wrong_s, PROT_READ, MAP_SHARED, fd, 0);
        if (wrong_s == MAP_FAILED)
                abort();
        close(fd);
}
