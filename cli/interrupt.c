/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "protocol/error.h"

static int wake_fds[2] = {-1, -1};
static volatile sig_atomic_t last_signal;

static void
on_signal(int number)
{
        int saved_errno = errno;

        last_signal = number;
        /* A full pipe wakes the reader as well as one more octet would. */
        if (write(wake_fds[1], "", 1) < 0)
                errno = 0;
        errno = saved_errno;
}

void
tg_interrupt_init(void)
{
        static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

        g_return_if_fail(wake_fds[0] < 0);
        g_assert(pipe2(wake_fds, O_CLOEXEC | O_NONBLOCK) == 0);

        for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
                struct sigaction action = {.sa_handler = on_signal};
                struct sigaction old;

                sigemptyset(&action.sa_mask);
                if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
                        sigaction(numbers[i], &action, NULL);
        }
}

int
tg_interrupt_signal(void)
{
        return last_signal;
}

void
tg_interrupt_clear(void)
{
        char buffer[64];

        last_signal = 0;
        while (read(wake_fds[0], buffer, sizeof buffer) > 0)
                continue;
}

gboolean
tg_interrupt_poll(int fd, short events, int timeout_ms, gboolean *ret_is_ready, GError **error)
{
        struct pollfd polls[] = {
                {.fd = fd,          .events = events},
                {.fd = wake_fds[0], .events = POLLIN},
        };
        int n_ready = poll(polls, G_N_ELEMENTS(polls), timeout_ms);

        if (polls[1].revents != 0 || last_signal != 0) {
                tg_set_error(error, TG_ERROR_CANCELLED, "interrupted");
                return FALSE;
        }
        if (n_ready < 0 && errno != EINTR) {
                tg_set_error(error, TG_ERROR_FAILED, "cannot wait: %s", g_strerror(errno));
                return FALSE;
        }
        if (ret_is_ready)
                *ret_is_ready = n_ready > 0 && polls[0].revents != 0;

        return TRUE;
}
