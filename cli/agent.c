/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/terminal.h"

#define REGISTER_TIMEOUT_MS 5000

struct TgAgent {
        pid_t pid;
        int terminal_fd;
        struct termios terminal;
};

gboolean
tg_agent_in_session(char **ret_id)
{
        char *id = NULL;

        if (sd_pid_get_session(0, &id) < 0)
                return FALSE;

        if (ret_id)
                *ret_id = g_strdup(id);
        free(id);
        return TRUE;
}

/* In the child: only calls that are safe after fork(). It talks on /dev/tty; on our
 * descriptors it would mix its complaints with the result. */
static void
run_agent(pid_t parent, int notify_fd, const char *notify_text, gboolean is_fallback)
{
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        struct sigaction fallback = {.sa_handler = SIG_DFL};
        static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(1);
        for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
                sigaction(numbers[i], &fallback, NULL);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (dup2(null_fd, fd) < 0)
                        _exit(1);
        if (fcntl(notify_fd, F_SETFD, 0) < 0)
                _exit(1);

        execlp("pkttyagent",
               "pkttyagent",
               "--notify-fd",
               notify_text,
               is_fallback ? "--fallback" : NULL,
               NULL);
        _exit(127);
}

static gboolean
start(TgAgent *self)
{
        /* Without a session polkit never uses a fallback agent, and in one the desktop's
         * agent comes first. */
        gboolean is_fallback = tg_agent_in_session(NULL);
        g_autofree char *notify_text = NULL;
        gboolean is_ready = FALSE;
        pid_t parent = getpid();
        int pipe_fds[2];

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return FALSE;
        notify_text = g_strdup_printf("%d", pipe_fds[1]);
        self->pid = fork();
        if (self->pid == 0)
                run_agent(parent, pipe_fds[1], notify_text, is_fallback);
        close(pipe_fds[1]);

        /* Its end is closed when it has registered, or has died. */
        if (self->pid > 0)
                (void)tg_interrupt_poll(pipe_fds[0], POLLIN, REGISTER_TIMEOUT_MS, &is_ready, NULL);
        close(pipe_fds[0]);
        if (self->pid > 0 && waitpid(self->pid, NULL, WNOHANG) == self->pid)
                self->pid = -1;

        return self->pid > 0;
}

TgAgent *
tg_agent_open(gboolean stdin_is_input)
{
        g_autoptr(TgAgent) self = NULL;

        if (geteuid() == 0 || !tg_terminal_is_there())
                return NULL;
        if (!stdin_is_input && !isatty(STDIN_FILENO))
                return NULL;

        self = g_new0(TgAgent, 1);
        self->pid = -1;
        self->terminal_fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (self->terminal_fd < 0 || tcgetattr(self->terminal_fd, &self->terminal) < 0)
                return NULL;
        if (!start(self))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_agent_close(TgAgent *self)
{
        if (!self)
                return;

        if (self->pid > 0) {
                kill(self->pid, SIGTERM);
                kill(self->pid, SIGCONT);
                while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
                        continue;
                tcsetattr(self->terminal_fd, TCSADRAIN, &self->terminal);
        }
        if (self->terminal_fd >= 0)
                close(self->terminal_fd);
        g_free(self);
}
