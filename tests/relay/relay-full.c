/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into a relay: while the first of two numbers of four octets in the file TG_FULL is not
 * zero, no connection takes anything; the second counts how often that was said.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
        atomic_uint is_full;
        atomic_uint n_refused;
} * shared;

__attribute__((constructor)) static void
start(void)
{
        const char *path = getenv("TG_FULL");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *memory;

        if (fd < 0)
                return;
        memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (memory != MAP_FAILED)
                shared = memory;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
        ssize_t (*real)(int, const struct msghdr *, int) =
                (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
        int domain = AF_UNSPEC;
        socklen_t n_bytes = sizeof domain;

        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n_bytes);
        if (shared && atomic_load(&shared->is_full) && domain == AF_INET) {
                atomic_fetch_add(&shared->n_refused, 1);
                errno = EAGAIN;
                return -1;
        }

        return real(fd, message, flags);
}
