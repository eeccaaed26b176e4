/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into a relay: the disk under the files in TG_DISK_FOLDER. What the file TG_DISK_PLAN
 * says, which is mapped, so that it may change at any time:
 *
 *     error       what a change of the files fails with (0: nothing fails) …
 *     kinds       … of these kinds …
 *     n_spared    … after so many that succeed yet
 *     n_failed    counts them
 *     is_lying    a flush is not done, and said to be
 *
 * With TG_DISK_TRACE each change is written there, in the order in which the files had them: a
 * line "KIND NAME OFFSET LENGTH\n", then LENGTH octets. Flushes too, once they are done.
 */

#undef _FILE_OFFSET_BITS /* else one symbol of two could not be made */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        KIND_WRITE = 1, /* where something is */
        KIND_GROW = 2,  /* beyond the end */
        KIND_SIZE = 4,
        KIND_FLUSH = 8,
        KIND_MAKE = 16,
        KIND_REMOVE = 32,
};

typedef struct {
        int error;
        int kinds;
        int n_spared;
        int n_failed;
        int is_lying;
} Plan;

#define MAX_FDS 1024

static Plan no_plan;
static Plan *plan = &no_plan;
static const char *folder;
static int trace_fd = -1;
static char *names[MAX_FDS]; /* of what is open, below the folder; "": the folder itself */
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void
start(void)
{
        const char *path = getenv("TG_DISK_PLAN"), *trace = getenv("TG_DISK_TRACE");
        int fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;

        if (fd >= 0) {
                void *map = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

                if (map != MAP_FAILED)
                        plan = map;
                close(fd);
        }
        if (trace)
                trace_fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        folder = getenv("TG_DISK_FOLDER");
}

/* ---- which file ---- */

/* NULL: none of the folder's. */
static const char *
find_name(const char *path)
{
        size_t n = folder ? strlen(folder) : 0;

        if (n == 0 || strncmp(path, folder, n) != 0)
                return NULL;
        if (path[n] == '\0')
                return "";

        return path[n] == '/' ? path + n + 1 : NULL;
}

static const char *
name_of(int fd)
{
        return fd >= 0 && fd < MAX_FDS ? names[fd] : NULL;
}

static void
remember(int fd, const char *name)
{
        if (fd < 0 || fd >= MAX_FDS)
                return;
        free(names[fd]);
        names[fd] = name ? strdup(name) : NULL;
}

/* ---- what happens to it ---- */

static int
fails(int kind)
{
        if (!plan->error || !(plan->kinds & kind))
                return 0;
        if (plan->n_spared > 0) {
                plan->n_spared--;
                return 0;
        }
        plan->n_failed++;
        errno = plan->error;

        return 1;
}

static void
put(const void *octets, size_t n)
{
        if (n > 0 && REAL(write)(trace_fd, octets, n) != (ssize_t)n)
                abort(); /* the trace would lie */
}

static void
note(const char *kind, const char *name, off_t offset, const void *octets, size_t n)
{
        char line[PATH_MAX];
        int error = errno;

        if (trace_fd < 0)
                return;
        put(line,
            (size_t)snprintf(line,
                             sizeof line,
                             "%s %s %lld %zu\n",
                             kind,
                             *name ? name : ".",
                             (long long)offset,
                             octets ? n : 0));
        if (octets)
                put(octets, n);
        errno = error;
}

/* ---- the calls ---- */

/* One that would change a file of the folder, and how; the change and its line are one. */
#define CHANGE(type, fd, kind, real, told)                                                         \
        do {                                                                                       \
                const char *name_ = name_of(fd);                                                   \
                type r_;                                                                           \
                if (!name_)                                                                        \
                        return real;                                                               \
                pthread_mutex_lock(&mutex);                                                        \
                r_ = fails(kind) ? -1 : real;                                                      \
                if (r_ >= 0) {                                                                     \
                        told;                                                                      \
                }                                                                                  \
                pthread_mutex_unlock(&mutex);                                                      \
                return r_;                                                                         \
        } while (0)

static int
kind_of(int fd, size_t n, off_t offset)
{
        struct stat status;

        return fstat(fd, &status) == 0 && offset + (off_t)n <= status.st_size ? KIND_WRITE
                                                                              : KIND_GROW;
}

ssize_t
write(int fd, const void *octets, size_t n)
{
        CHANGE(ssize_t,
               fd,
               kind_of(fd, n, lseek(fd, 0, SEEK_CUR)),
               REAL(write)(fd, octets, n),
               note("write", name_, lseek(fd, 0, SEEK_CUR) - r_, octets, (size_t)r_));
}

static ssize_t
write_at(const char *call, int fd, const void *octets, size_t n, off_t offset)
{
        ssize_t (*real)(int, const void *, size_t, off_t) =
                (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, call);

        CHANGE(ssize_t,
               fd,
               kind_of(fd, n, offset),
               real(fd, octets, n, offset),
               note("write", name_, offset, octets, (size_t)r_));
}

ssize_t
pwrite(int fd, const void *octets, size_t n, off_t offset)
{
        return write_at("pwrite", fd, octets, n, offset);
}

ssize_t
pwrite64(int fd, const void *octets, size_t n, off_t offset)
{
        return write_at("pwrite64", fd, octets, n, offset);
}

static int
set_size(const char *call, int fd, off_t size)
{
        int (*real)(int, off_t) = (int (*)(int, off_t))dlsym(RTLD_NEXT, call);

        CHANGE(int, fd, KIND_SIZE, real(fd, size), note("size", name_, size, NULL, 0));
}

int
ftruncate(int fd, off_t size)
{
        return set_size("ftruncate", fd, size);
}

int
ftruncate64(int fd, off_t size)
{
        return set_size("ftruncate64", fd, size);
}

static int
flush(const char *call, int fd)
{
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);

        if (name_of(fd) && plan->is_lying)
                return 0;
        CHANGE(int, fd, KIND_FLUSH, real(fd), note("flush", name_, 0, NULL, 0));
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

static int
open_at(const char *call, int dir_fd, const char *path, int flags, mode_t mode)
{
        int (*real)(int, const char *, int, ...) =
                (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, call);
        const char *name = find_name(path);
        int fd, is_new;

        if (!name)
                return real(dir_fd, path, flags, mode);
        pthread_mutex_lock(&mutex);
        is_new = (flags & O_CREAT) && access(path, F_OK) < 0;
        fd = (is_new || (flags & O_ACCMODE) != O_RDONLY) && fails(KIND_MAKE)
                     ? -1
                     : real(dir_fd, path, flags, mode);
        if (fd >= 0)
                remember(fd, name);
        if (fd >= 0 && is_new)
                note("make", name, 0, NULL, 0);
        pthread_mutex_unlock(&mutex);

        return fd;
}

#define MODE                                                                                       \
        va_list arguments;                                                                         \
        mode_t mode = 0;                                                                           \
        va_start(arguments, flags);                                                                \
        if (flags & (O_CREAT | __O_TMPFILE))                                                       \
                mode = va_arg(arguments, mode_t);                                                  \
        va_end(arguments)

int
openat(int dir_fd, const char *path, int flags, ...)
{
        MODE;
        return open_at("openat", dir_fd, path, flags, mode);
}

int
openat64(int dir_fd, const char *path, int flags, ...)
{
        MODE;
        return open_at("openat64", dir_fd, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
        MODE;
        return open_at("openat", AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
        MODE;
        return open_at("openat64", AT_FDCWD, path, flags, mode);
}

int
close(int fd)
{
        pthread_mutex_lock(&mutex);
        remember(fd, NULL);
        pthread_mutex_unlock(&mutex);

        return REAL(close)(fd);
}

int
unlink(const char *path)
{
        const char *name = find_name(path);
        int r;

        if (!name)
                return REAL(unlink)(path);
        pthread_mutex_lock(&mutex);
        r = fails(KIND_REMOVE) ? -1 : REAL(unlink)(path);
        if (r == 0)
                note("remove", name, 0, NULL, 0);
        pthread_mutex_unlock(&mutex);

        return r;
}

int
mkdir(const char *path, mode_t mode)
{
        const char *name = find_name(path);
        int r;

        if (!name)
                return REAL(mkdir)(path, mode);
        pthread_mutex_lock(&mutex);
        r = fails(KIND_MAKE) ? -1 : REAL(mkdir)(path, mode);
        if (r == 0)
                note("mkdir", name, 0, NULL, 0);
        pthread_mutex_unlock(&mutex);

        return r;
}

/* What is not understood here must not happen unseen. */
#define UNKNOWN(is_here)                                                                           \
        if (trace_fd >= 0 && (is_here))                                                            \
        abort()

int
rename(const char *from, const char *to)
{
        UNKNOWN(find_name(from) || find_name(to));
        return REAL(rename)(from, to);
}

ssize_t
writev(int fd, const struct iovec *parts, int n)
{
        UNKNOWN(name_of(fd));
        return REAL(writev)(fd, parts, n);
}

int
fallocate(int fd, int mode, off_t offset, off_t n)
{
        UNKNOWN(name_of(fd));
        return REAL(fallocate)(fd, mode, offset, n);
}

int
posix_fallocate(int fd, off_t offset, off_t n)
{
        UNKNOWN(name_of(fd));
        return REAL(posix_fallocate)(fd, offset, n);
}

int
posix_fallocate64(int fd, off_t offset, off_t n)
{
        UNKNOWN(name_of(fd));
        return REAL(posix_fallocate64)(fd, offset, n);
}
