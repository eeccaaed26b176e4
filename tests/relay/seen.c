/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Preloaded into a relay: it lets itself be dumped by whoever started it, and the fields of each
 * of its log lines, as the journal gets them, go to the file TG_FIELDS too. The clock that does
 * not jump is ahead by as many seconds as the number in the file TG_AHEAD says, eight octets.
 */

#include <fcntl.h>
#include <glib.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int fields_fd = -1;
static const volatile gint64 *ahead_s;

int
clock_gettime(clockid_t clock, struct timespec *ret_now)
{
        int r = (int)syscall(SYS_clock_gettime, clock, ret_now);

        if (r == 0 && ahead_s && clock == CLOCK_MONOTONIC)
                ret_now->tv_sec += *ahead_s;

        return r;
}

int
prctl(int option, ...)
{
        unsigned long with[4];
        va_list arguments;

        if (option == PR_SET_DUMPABLE)
                return 0;
        va_start(arguments, option);
        for (int i = 0; i < 4; i++)
                with[i] = va_arg(arguments, unsigned long);
        va_end(arguments);

        return (int)syscall(SYS_prctl, option, with[0], with[1], with[2], with[3]);
}

static GLogWriterOutput
write_fields(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
        for (gsize i = 0; i < n_fields; i++) {
                const GLogField *field = &fields[i];
                gsize n = field->length < 0 ? strlen(field->value) : (gsize)field->length;
                struct iovec parts[] = {
                        {(char *)field->key,   strlen(field->key)},
                        {(char *)"=",          1                 },
                        {(void *)field->value, n                 },
                        {(char *)"\n",         1                 },
                };

                if (writev(fields_fd, parts, G_N_ELEMENTS(parts)) < 0)
                        abort();
        }

        return g_log_writer_default(level, fields, n_fields, user_data);
}

__attribute__((constructor)) static void
start(void)
{
        const char *path = getenv("TG_FIELDS"), *ahead_path = getenv("TG_AHEAD");
        int ahead_fd = ahead_path ? open(ahead_path, O_RDONLY | O_CLOEXEC) : -1;

        if (ahead_fd >= 0) {
                ahead_s = mmap(NULL, sizeof *ahead_s, PROT_READ, MAP_SHARED, ahead_fd, 0);
                if (ahead_s == MAP_FAILED)
                        abort();
                close(ahead_fd);
        }
        if (!path)
                return;
        fields_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fields_fd < 0)
                abort();
        g_log_set_writer_func(write_fields, NULL, NULL);
}
