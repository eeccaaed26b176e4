/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * kill-at: preloaded into a program, counts the steps that the program makes towards
 * the world, and ends it at one of them as a power cut would:
 *
 *      LD_PRELOAD=…/kill-at.so KILL_AT=PAGE-FILE PROGRAM…
 *
 * A step is the moment before, or the moment after, one call that reaches beyond the
 * program: a flush, a change of a file, something sent to a socket or received from one.
 * The page file is shared with the test, which reads the count there and sets the step
 * and the signal, also while the program runs; step 0 never comes, so that only counts.
 * Its layout is known to tests/e2e/crash_page.py too.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        FLUSHED = 1 << 0,
        CHANGED = 1 << 1,
        SENT = 1 << 2,
        RECEIVED = 1 << 3,
};

typedef struct {
        uint64_t n_steps;
        uint64_t kill_at;
        uint64_t kinds; /* which of them are steps */
        uint64_t pid;   /* of who counts here */
        uint64_t signal;
        uint64_t met;  /* who got the signal: the pid, until another counts here */
        char last[80]; /* the step that it came at */
} Page;

static Page *page;

/* ---- the step ---- */

static const char *
family_of(int fd)
{
        struct sockaddr_storage address;
        socklen_t n_address = sizeof address;

        if (getsockname(fd, (struct sockaddr *)&address, &n_address) != 0)
                return "";
        return address.ss_family == AF_UNIX ? " on a bus" : " on the network";
}

static void
step(uint64_t kind, const char *when, const char *call, int fd)
{
        int saved = errno;

        if (page == NULL || (__atomic_load_n(&page->kinds, __ATOMIC_RELAXED) & kind) == 0)
                return;
        /* Exactly one of several threads makes the step that is the last. */
        if (__atomic_add_fetch(&page->n_steps, 1, __ATOMIC_SEQ_CST) ==
            __atomic_load_n(&page->kill_at, __ATOMIC_SEQ_CST)) {
                snprintf(page->last, sizeof page->last, "%s %s%s", when, call, family_of(fd));
                page->met = page->pid;
                raise((int)page->signal);
        }
        errno = saved;
}

/* What a plain read or write is: not only files and sockets are read and written so,
 * but event counters too, with which a program wakes itself. */
static uint64_t
kind_of(int fd, uint64_t on_socket, uint64_t on_file)
{
        struct stat status;
        int saved = errno;
        int is_known = page != NULL && fstat(fd, &status) == 0;

        errno = saved;
        if (is_known && S_ISSOCK(status.st_mode))
                return on_socket;
        return is_known && S_ISREG(status.st_mode) ? on_file : 0;
}

/* ---- the calls ---- */

static void *
next(const char *name)
{
        void *function = dlsym(RTLD_NEXT, name);

        if (function == NULL) {
                fprintf(stderr, "kill-at: there is no %s to stand before\n", name);
                abort();
        }
        return function;
}

/* Each stands before the function of the same name. What is final for others is a step
 * before it and one after it; to have received something, or changed a file that is still
 * to be flushed, is one. */
#define STAND_BEFORE(type, name, kind, fd, parameters, arguments)                                  \
        type name parameters;                                                                      \
        type name parameters                                                                       \
        {                                                                                          \
                static type(*real) parameters;                                                     \
                uint64_t what = (kind);                                                            \
                int at = (fd);                                                                     \
                type result;                                                                       \
                                                                                                   \
                if (real == NULL)                                                                  \
                        real = (type(*) parameters)next(#name);                                    \
                if (what == FLUSHED || what == SENT)                                               \
                        step(what, "before", #name, at);                                           \
                result = real arguments;                                                           \
                if (what != RECEIVED || result > 0)                                                \
                        step(what, "after", #name, at);                                            \
                return result;                                                                     \
        }

STAND_BEFORE(int, fsync, FLUSHED, fd, (int fd), (fd))
STAND_BEFORE(int, fdatasync, FLUSHED, fd, (int fd), (fd))

STAND_BEFORE(int, rename, CHANGED, -1, (const char *from, const char *to), (from, to))
STAND_BEFORE(int, link, CHANGED, -1, (const char *from, const char *to), (from, to))
STAND_BEFORE(int, unlink, CHANGED, -1, (const char *path), (path))
STAND_BEFORE(int, ftruncate, CHANGED, fd, (int fd, off_t size), (fd, size))
STAND_BEFORE(int, ftruncate64, CHANGED, fd, (int fd, off64_t size), (fd, size))
STAND_BEFORE(ssize_t,
             pwrite,
             CHANGED,
             fd,
             (int fd, const void *data, size_t size, off_t offset),
             (fd, data, size, offset))
STAND_BEFORE(ssize_t,
             pwrite64,
             CHANGED,
             fd,
             (int fd, const void *data, size_t size, off64_t offset),
             (fd, data, size, offset))

STAND_BEFORE(ssize_t,
             write,
             kind_of(fd, SENT, CHANGED),
             fd,
             (int fd, const void *data, size_t size),
             (fd, data, size))
STAND_BEFORE(ssize_t,
             writev,
             kind_of(fd, SENT, CHANGED),
             fd,
             (int fd, const struct iovec *parts, int n_parts),
             (fd, parts, n_parts))
STAND_BEFORE(ssize_t,
             send,
             SENT,
             fd,
             (int fd, const void *data, size_t size, int flags),
             (fd, data, size, flags))
STAND_BEFORE(ssize_t,
             sendmsg,
             SENT,
             fd,
             (int fd, const struct msghdr *message, int flags),
             (fd, message, flags))

STAND_BEFORE(ssize_t,
             read,
             kind_of(fd, RECEIVED, 0),
             fd,
             (int fd, void *data, size_t size),
             (fd, data, size))
STAND_BEFORE(ssize_t,
             readv,
             kind_of(fd, RECEIVED, 0),
             fd,
             (int fd, const struct iovec *parts, int n_parts),
             (fd, parts, n_parts))
STAND_BEFORE(ssize_t,
             recv,
             RECEIVED,
             fd,
             (int fd, void *data, size_t size, int flags),
             (fd, data, size, flags))
STAND_BEFORE(ssize_t,
             recvmsg,
             RECEIVED,
             fd,
             (int fd, struct msghdr *message, int flags),
             (fd, message, flags))

/* ---- the page ---- */

__attribute__((constructor)) static void
find_page(void)
{
        const char *path = getenv("KILL_AT");
        Page *found;
        int fd;

        if (path == NULL)
                return;
        /* A test that would only believe that it kills is worse than none. */
        fd = open(path, O_RDWR | O_CLOEXEC);
        found = fd < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (found == MAP_FAILED) {
                fprintf(stderr, "kill-at: %s: %s\n", path, strerror(errno));
                abort();
        }
        close(fd);
        found->pid = (uint64_t)getpid();
        page = found;
}
