/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "protocol/error.h"

/* The kernel's line editor keeps 4,096 octets with the line feed and drops the
 * rest without a word. */
#define MAX_LINE_BYTES 4095

/* How often somebody who can give up a question is asked whether it still stands. */
#define LOOK_MS 1000

/* Everything that ends or stops a process by default and can be caught, but for
 * the three that tg_interrupt_poll() reports. */
static const int deadly[] = {
        SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,   SIGBUS,  SIGFPE,  SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
        SIGALRM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGPOLL, SIGSYS,  SIGTSTP, SIGTTIN, SIGTTOU,
};

/* State of the one prompt that may be open; the handlers need it. */
static struct {
        int fd;
        struct termios normal;
        struct termios silent;
        struct sigaction old_actions[G_N_ELEMENTS(deadly)];
        const char *question;
} prompt = {.fd = -1};

/* Only calls that POSIX allows in a handler, here and in the next function. */
static void
set_echo(gboolean is_on)
{
        int saved_errno = errno;
        sigset_t stop;
        sigset_t old;

        /* A process in the background is stopped for changing the terminal. */
        sigemptyset(&stop);
        sigaddset(&stop, SIGTTOU);
        sigprocmask(SIG_BLOCK, &stop, &old);
        tcsetattr(prompt.fd, TCSAFLUSH, is_on ? &prompt.normal : &prompt.silent);
        sigprocmask(SIG_SETMASK, &old, NULL);
        errno = saved_errno;
}

static void
on_deadly_signal(int number)
{
        struct sigaction fallback = {.sa_handler = SIG_DFL};
        struct sigaction ours;
        sigset_t unblock;

        set_echo(TRUE);
        sigaction(number, &fallback, &ours);
        sigemptyset(&unblock);
        sigaddset(&unblock, number);
        raise(number);
        sigprocmask(SIG_UNBLOCK, &unblock, NULL);

        /* Still here: it was a stop, and we have been continued. */
        sigaction(number, &ours, NULL);
        set_echo(FALSE);
        if (write(prompt.fd, prompt.question, strlen(prompt.question)) < 0)
                errno = 0;
}

static int
open_terminal(GError **error)
{
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                tg_set_error(error, TG_ERROR_FAILED, "there is no terminal to ask on");
        return fd;
}

gboolean
tg_terminal_is_there(void)
{
        int fd = -1;
        gboolean is_ours;

        if (!isatty(STDERR_FILENO))
                return FALSE;
        fd = open_terminal(NULL);
        if (fd < 0)
                return FALSE;

        /* In the background a read would stop us, not ask anybody. */
        is_ours = tcgetpgrp(fd) == getpgrp();
        close(fd);

        return is_ours;
}

static gboolean
write_bytes(int fd, const char *text, gsize n_left, GError **error)
{
        while (n_left > 0) {
                gssize n_written = write(fd, text, n_left);

                if (n_written < 0 && errno != EINTR) {
                        tg_set_error(error, TG_ERROR_FAILED, "cannot write to the terminal");
                        return FALSE;
                }
                n_left -= (gsize)MAX(n_written, 0);
                text += MAX(n_written, 0);
        }

        return TRUE;
}

static gboolean
write_text(int fd, const char *text, GError **error)
{
        return write_bytes(fd, text, strlen(text), error);
}

/* Until a line is there. FALSE without @error set when @goes_on has said so. */
static gboolean
wait_for_line(int fd, TgTerminalGoesOn goes_on, gpointer user_data, GError **error)
{
        gboolean is_ready = FALSE;

        while (!is_ready) {
                if (!tg_interrupt_poll(fd, POLLIN, goes_on ? LOOK_MS : -1, &is_ready, error))
                        return FALSE;
                if (!is_ready && goes_on && !goes_on(user_data))
                        return FALSE;
        }

        return TRUE;
}

/* One line as the kernel hands it over; ret_n_bytes without the line feed. */
static gboolean
read_line(int fd,
          TgTerminalGoesOn goes_on,
          gpointer user_data,
          guint8 *buffer,
          gsize *ret_n_bytes,
          GError **error)
{
        gssize n_read;

        do {
                if (!wait_for_line(fd, goes_on, user_data, error))
                        return FALSE;
                n_read = read(fd, buffer, MAX_LINE_BYTES + 1);
        } while (n_read < 0 && (errno == EINTR || errno == EAGAIN));

        if (n_read < 0) {
                tg_set_error(error, TG_ERROR_FAILED, "cannot read from the terminal");
                return FALSE;
        }
        if (n_read == 0) {
                tg_set_error(error, TG_ERROR_CANCELLED, "nothing was given");
                return FALSE;
        }
        if (buffer[n_read - 1] == '\n')
                n_read--;
        if (n_read >= MAX_LINE_BYTES) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a terminal takes no line this long\ngive it in a file instead");
                return FALSE;
        }

        *ret_n_bytes = (gsize)n_read;
        return TRUE;
}

char *
tg_terminal_ask(const char *question, const char *preset, GError **error)
{
        char line[MAX_LINE_BYTES + 2];
        gsize n_bytes = 0;
        gboolean is_read;
        int fd = open_terminal(error);

        if (fd < 0)
                return NULL;
        is_read = write_text(fd, question, error) &&
                  read_line(fd, NULL, NULL, (guint8 *)line, &n_bytes, error);
        if (!is_read)
                (void)write_text(fd, "\n", NULL);
        close(fd);
        if (!is_read)
                return NULL;

        line[n_bytes] = '\0';
        if (strlen(line) != n_bytes || !g_utf8_validate(line, -1, NULL)) {
                tg_set_error(error, TG_ERROR_INVALID, "what was typed is no UTF-8 text");
                return NULL;
        }
        g_strstrip(line);

        return g_strdup(*line != '\0' || !preset ? line : preset);
}

gboolean
tg_terminal_confirm(const char *question, gboolean preset, gboolean *ret_yes, GError **error)
{
        g_autofree char *text = g_strdup_printf("%s [%s] ", question, preset ? "Y/n" : "y/N");

        for (;;) {
                g_autofree char *answer = tg_terminal_ask(text, preset ? "y" : "n", error);

                if (!answer)
                        return FALSE;
                if (g_ascii_strcasecmp(answer, "y") == 0 ||
                    g_ascii_strcasecmp(answer, "yes") == 0) {
                        *ret_yes = TRUE;
                        return TRUE;
                }
                if (g_ascii_strcasecmp(answer, "n") == 0 || g_ascii_strcasecmp(answer, "no") == 0) {
                        *ret_yes = FALSE;
                        return TRUE;
                }
        }
}

static gboolean
begin_silence(int fd, const char *question, GError **error)
{
        struct sigaction action = {.sa_handler = on_deadly_signal};

        prompt.fd = fd;
        prompt.question = question;
        if (tcgetattr(fd, &prompt.normal) < 0) {
                tg_set_error(error, TG_ERROR_FAILED, "cannot turn off the terminal's echo");
                return FALSE;
        }
        prompt.silent = prompt.normal;
        prompt.silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);

        sigfillset(&action.sa_mask);
        for (gsize i = 0; i < G_N_ELEMENTS(deadly); i++) {
                sigaction(deadly[i], NULL, &prompt.old_actions[i]);
                if (prompt.old_actions[i].sa_handler != SIG_IGN)
                        sigaction(deadly[i], &action, NULL);
        }
        set_echo(FALSE);

        return TRUE;
}

/* TCSAFLUSH in set_echo() also throws away what was pasted after the first line,
 * which the shell would show and run. */
static void
end_silence(void)
{
        set_echo(TRUE);
        for (gsize i = 0; i < G_N_ELEMENTS(deadly); i++)
                sigaction(deadly[i], &prompt.old_actions[i], NULL);
        prompt.fd = -1;
}

static TgSecret *
ask_silently(
        int fd, const char *question, TgTerminalGoesOn goes_on, gpointer user_data, GError **error)
{
        g_autoptr(TgSecret) line = NULL;
        guint8 *buffer;
        gsize n_bytes = 0;
        gboolean is_read;

        line = tg_secret_new_blank(MAX_LINE_BYTES + 1, &buffer, error);
        if (!line || !begin_silence(fd, question, error))
                return NULL;
        is_read = write_text(fd, question, error) &&
                  read_line(fd, goes_on, user_data, buffer, &n_bytes, error);
        end_silence();
        (void)write_text(fd, "\n", NULL);
        if (!is_read)
                return NULL;

        if (n_bytes == 0) {
                tg_set_error(error, TG_ERROR_CANCELLED, "nothing was given");
                return NULL;
        }

        return tg_secret_slice(line, 0, n_bytes, error);
}

TgSecret *
tg_terminal_ask_secret_while(const char *question,
                             TgTerminalGoesOn goes_on,
                             gpointer user_data,
                             GError **error)
{
        TgSecret *secret;
        int fd = open_terminal(error);

        if (fd < 0)
                return NULL;
        secret = ask_silently(fd, question, goes_on, user_data, error);
        close(fd);

        return secret;
}

TgSecret *
tg_terminal_ask_secret(const char *question, GError **error)
{
        return tg_terminal_ask_secret_while(question, NULL, NULL, error);
}

gboolean
tg_terminal_show_secret(const char *before,
                        const TgSecret *secret,
                        const char *after,
                        GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);
        gboolean is_shown;
        int fd = open_terminal(error);

        if (fd < 0)
                return FALSE;
        is_shown = write_text(fd, before, error) &&
                   write_bytes(fd, (const char *)bytes, n_bytes, error) &&
                   write_text(fd, after, error);
        close(fd);

        return is_shown;
}
