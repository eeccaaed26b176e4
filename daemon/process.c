/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/text.h"

/* Larger than anything that /proc or Flatpak writes into these files. */
#define MAX_FILE_BYTES 65536
#define MAX_NAME_BYTES 128

typedef enum {
        SANDBOX_NONE,
        SANDBOX_FOUND,
        SANDBOX_UNKNOWN,
} Sandbox;

/* The whole file at @path below @dir_fd, zero-terminated; NULL with errno set. */
static char *
read_below(int dir_fd, const char *path, int flags)
{
        g_autoptr(GString) text = g_string_new(NULL);
        struct stat st;
        int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);

        if (fd < 0)
                return NULL;

        /* The file may be the caller's own make: nothing that could block is read. */
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                close(fd);
                errno = EINVAL;
                return NULL;
        }

        while (text->len <= MAX_FILE_BYTES) {
                char buffer[4096];
                gssize n = read(fd, buffer, sizeof buffer);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        int saved = errno;

                        close(fd);
                        errno = saved;
                        return NULL;
                }
                if (n == 0) {
                        close(fd);
                        return g_string_free(g_steal_pointer(&text), FALSE);
                }
                g_string_append_len(text, buffer, n);
        }

        close(fd);
        errno = EFBIG;
        return NULL;
}

/* The program's name stands in parentheses and may hold any octet, a ')' too: the
 * fields that count follow the last one. */
static gboolean
read_start_time(int proc_fd, guint64 *ret_start_time)
{
        g_autofree char *stat_line = read_below(proc_fd, "stat", 0);
        const char *at = stat_line ? strrchr(stat_line, ')') : NULL;
        char *end = NULL;
        guint64 start_time;

        if (!at)
                return FALSE;

        /* A space before each field: state is the third, the start time the 22nd. */
        for (guint field = 3; field <= 22; field++) {
                at = strchr(at + 1, ' ');
                if (!at)
                        return FALSE;
        }

        if (!g_ascii_isdigit(at[1]))
                return FALSE;
        errno = 0;
        start_time = g_ascii_strtoull(at + 1, &end, 10);
        if (errno != 0 || (*end != ' ' && *end != '\n' && *end != '\0'))
                return FALSE;

        *ret_start_time = start_time;
        return TRUE;
}

/*
 * The root directory of a process that is not dumpable (many that hold secrets) is
 * closed to us, and such a program is not to be taken for a sandboxed one for its care.
 * What /proc shows of every process settles it: Flatpak's bubblewrap sets no_new_privs
 * on its programs and on the bus proxy that speaks for them, and no process can ever
 * take that off again.
 */
static gboolean
could_be_flatpak(int proc_fd)
{
        g_autofree char *status = read_below(proc_fd, "status", 0);

        return !status || !strstr(status, "\nNoNewPrivs:\t0\n");
}

static Sandbox
find_flatpak(int proc_fd, char **ret_id)
{
        g_autoptr(GKeyFile) info = g_key_file_new();
        g_autofree char *text = NULL;
        int saved;
        int root_fd =
                openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC); /* follows the link */

        if (root_fd < 0)
                return could_be_flatpak(proc_fd) ? SANDBOX_UNKNOWN : SANDBOX_NONE;

        text = read_below(root_fd, ".flatpak-info", O_NOFOLLOW);
        saved = errno;
        close(root_fd);

        if (!text)
                return saved == ENOENT ? SANDBOX_NONE : SANDBOX_UNKNOWN;

        if (!g_key_file_load_from_data(info, text, strlen(text), G_KEY_FILE_NONE, NULL))
                return SANDBOX_UNKNOWN;

        *ret_id = g_key_file_get_string(info, "Application", "name", NULL);
        if (!*ret_id)
                *ret_id = g_key_file_get_string(info, "Runtime", "runtime", NULL);
        return *ret_id ? SANDBOX_FOUND : SANDBOX_UNKNOWN;
}

/* "snap.NAME.PROGRAM (enforce)". The kernel keeps the label; no module, no label. */
static Sandbox
find_snap(int proc_fd, char **ret_id)
{
        g_autofree char *label = read_below(proc_fd, "attr/apparmor/current", 0);

        if (!label && (errno == ENOENT || errno == EINVAL))
                label = read_below(proc_fd, "attr/current", 0);
        if (!label)
                return errno == ENOENT || errno == EINVAL ? SANDBOX_NONE : SANDBOX_UNKNOWN;

        if (!g_str_has_prefix(label, "snap."))
                return SANDBOX_NONE;

        label[strcspn(label, " \n")] = '\0';
        *ret_id = g_steal_pointer(&label);
        return SANDBOX_FOUND;
}

static char *
program_name(int proc_fd)
{
        char path[4096];
        gssize n = readlinkat(proc_fd, "exe", path, sizeof path - 1);
        g_autofree char *name = NULL;
        g_autofree char *clean = NULL;

        if (n > 0) {
                path[n] = '\0';
                if (g_str_has_suffix(path, " (deleted)")) /* updated while it runs */
                        path[n - (gssize)strlen(" (deleted)")] = '\0';
                name = g_path_get_basename(path);
        } else {
                name = read_below(proc_fd, "comm", 0);
        }

        clean = tg_text_clean(name, -1, MAX_NAME_BYTES);
        return g_strdup_printf("%s (unverified)", *clean ? clean : "unknown program");
}

gboolean
tg_process_read(int proc_fd, TgProcess *ret_process)
{
        g_autofree char *id = NULL;
        g_autofree char *clean = NULL;
        guint64 start_time;
        Sandbox sandbox;

        if (!read_start_time(proc_fd, &start_time))
                return FALSE;

        sandbox = find_flatpak(proc_fd, &id);
        if (sandbox == SANDBOX_NONE)
                sandbox = find_snap(proc_fd, &id);

        if (sandbox == SANDBOX_FOUND)
                clean = tg_text_clean(id, -1, MAX_NAME_BYTES);

        ret_process->start_time = start_time;
        ret_process->is_sandboxed = sandbox != SANDBOX_NONE;
        ret_process->application =
                clean && *clean ? g_steal_pointer(&clean) : program_name(proc_fd);
        return TRUE;
}

void
tg_process_clear(TgProcess *self)
{
        g_clear_pointer(&self->application, g_free);
}
