/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/workplace.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/text.h"

#define FOLDER "tigress-steps"
#define ASKPASS LIBEXECDIR "/tigress-askpass"
#define MAX_SENTENCE_BYTES 200

struct TgWorkplace {
        char *path;
};

/* ---- the folder ---- */

static char *
parent_path(GError **error)
{
        const char *runtime = g_getenv("XDG_RUNTIME_DIR");

        if (runtime != NULL && g_path_is_absolute(runtime))
                return g_build_filename(runtime, FOLDER, NULL);
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "XDG_RUNTIME_DIR is not set: there is no place in memory for keys");
        return NULL;
}

static void
fail(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_FAILED, "%s: %s", what, g_strerror(errno));
}

static gboolean
make_parent(const char *path, GError **error)
{
        struct stat status;

        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
                fail(error, "cannot make a folder in XDG_RUNTIME_DIR");
                return FALSE;
        }
        if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
            (status.st_mode & 077) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "the folder " FOLDER " in XDG_RUNTIME_DIR is not this user's alone");
        return FALSE;
}

TgWorkplace *
tg_workplace_new(GError **error)
{
        g_autofree char *parent = parent_path(error);
        g_autofree char *path = NULL;
        TgWorkplace *self;

        if (parent == NULL || !make_parent(parent, error))
                return NULL;
        path = g_build_filename(parent, "XXXXXX", NULL);
        if (g_mkdtemp_full(path, 0700) == NULL) {
                fail(error, "cannot make a folder in XDG_RUNTIME_DIR");
                return NULL;
        }
        self = g_new0(TgWorkplace, 1);
        self->path = g_steal_pointer(&path);
        return self;
}

/* It is memory: what is unlinked is gone. */
static void
erase_folder(const char *path)
{
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;

        while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
                g_autofree char *file = g_build_filename(path, name, NULL);

                g_unlink(file);
        }
        g_rmdir(path);
}

void
tg_workplace_free(TgWorkplace *self)
{
        if (self == NULL)
                return;
        erase_folder(self->path);
        g_free(self->path);
        g_free(self);
}

void
tg_workplace_clean(void)
{
        g_autofree char *parent = parent_path(NULL);
        g_autoptr(GDir) folder = parent != NULL ? g_dir_open(parent, 0, NULL) : NULL;
        const char *name;

        while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
                g_autofree char *path = g_build_filename(parent, name, NULL);

                erase_folder(path);
        }
}

const char *
tg_workplace_path(const TgWorkplace *self)
{
        return self->path;
}

static int
open_file(const TgWorkplace *self, const char *name, int flags)
{
        g_autofree char *path = g_build_filename(self->path, name, NULL);

        return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static gboolean
write_all(TgWorkplace *self, const char *name, const guint8 *bytes, gsize n_bytes, GError **error)
{
        int fd = open_file(self, name, O_WRONLY | O_CREAT | O_TRUNC);
        gsize n_done = 0;

        while (fd >= 0 && n_done < n_bytes) {
                gssize n = write(fd, bytes + n_done, n_bytes - n_done);

                if (n < 0 && errno != EINTR)
                        break;
                n_done += (gsize)MAX(n, 0);
        }
        if (fd < 0 || n_done < n_bytes)
                fail(error, "cannot write into XDG_RUNTIME_DIR");
        if (fd >= 0)
                close(fd);
        return fd >= 0 && n_done == n_bytes;
}

gboolean
tg_workplace_write(TgWorkplace *self, const char *name, const char *text, GError **error)
{
        return write_all(self, name, (const guint8 *)text, strlen(text), error);
}

gboolean
tg_workplace_write_secret(TgWorkplace *self,
                          const char *name,
                          const TgSecret *secret,
                          GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);

        return write_all(self, name, bytes, n_bytes, error);
}

TgSecret *
tg_workplace_read_secret(TgWorkplace *self, const char *name, gsize n_max, GError **error)
{
        int fd = open_file(self, name, O_RDONLY);
        g_autoptr(TgSecret) room = NULL;
        guint8 *buffer;
        gsize n_read = 0;
        gssize n = 1;

        if (fd < 0) {
                fail(error, "a program has not made what was expected of it");
                return NULL;
        }
        room = tg_secret_new_blank(n_max + 1, &buffer, error);
        while (room != NULL && n_read <= n_max &&
               (n = read(fd, buffer + n_read, n_max + 1 - n_read)) != 0) {
                if (n < 0 && errno != EINTR)
                        break;
                n_read += (gsize)MAX(n, 0);
        }
        close(fd);
        if (room == NULL)
                return NULL;
        if (n == 0 && n_read <= n_max)
                return tg_secret_slice(room, 0, n_read, error);
        tg_set_error(error, TG_ERROR_FAILED, "what a program has made cannot be read");
        return NULL;
}

char *
tg_workplace_read(TgWorkplace *self, const char *name, gsize n_max, GError **error)
{
        g_autoptr(TgSecret) text = tg_workplace_read_secret(self, name, n_max, error);
        gsize n_bytes;
        const char *bytes;

        if (text == NULL)
                return NULL;
        bytes = (const char *)tg_secret_get(text, &n_bytes);
        return g_strndup(bytes, n_bytes);
}

/* ---- programs ---- */

typedef struct {
        char *name;
        GSubprocess *process;
        GCancellable *cancellable;
        TgToolFunc func;
        gpointer user_data;
} Tool;

static void
free_tool(Tool *self)
{
        g_clear_object(&self->process);
        g_clear_object(&self->cancellable);
        g_free(self->name);
        g_free(self);
}

/* The last line that says something. */
static char *
sentence_of(const char *said)
{
        g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
        const char *last = "";

        for (guint i = 0; lines[i] != NULL; i++)
                if (lines[i][strspn(lines[i], " \t\r")] != '\0')
                        last = lines[i];
        return tg_text_clean(last, -1, MAX_SENTENCE_BYTES);
}

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user_data)
{
        Tool *self = user_data;
        g_autofree char *output = NULL;
        g_autofree char *said = NULL;
        g_autofree char *sentence = NULL;
        g_autoptr(GError) broken = NULL;
        g_autoptr(GError) error = NULL;

        if (!g_subprocess_communicate_utf8_finish(self->process, result, &output, &said, &broken)) {
                g_subprocess_force_exit(self->process);
                error = tg_error_new(TG_ERROR_FAILED, "%s: %s", self->name, broken->message);
        } else if (!g_subprocess_get_successful(self->process)) {
                sentence = sentence_of(said);
                error = tg_error_new(TG_ERROR_FAILED, "%s: %s", self->name, sentence);
        }
        self->func(error == NULL ? output : NULL, error, self->user_data);
        free_tool(self);
}

static gboolean
not_started(gpointer user_data)
{
        Tool *self = user_data;
        g_autoptr(GError) error = tg_error_new(
                TG_ERROR_FAILED, "the program %s cannot be run: is it installed?", self->name);

        self->func(NULL, error, self->user_data);
        free_tool(self);
        return G_SOURCE_REMOVE;
}

/* Nothing of ours that it does not need; and nobody is asked for anything behind our back. */
static GStrv
environment(const char *agent, gboolean has_pin)
{
        GStrv list = NULL;

        list = g_environ_setenv(list, "PATH", "/usr/local/bin:/usr/bin:/bin", TRUE);
        list = g_environ_setenv(list, "HOME", g_get_home_dir(), TRUE);
        list = g_environ_setenv(list, "LC_ALL", "C.UTF-8", TRUE);
        list = g_environ_setenv(list, "TZ", "UTC", TRUE);
        list = g_environ_setenv(list, "SSH_ASKPASS", ASKPASS, TRUE);
        list = g_environ_setenv(list, "SSH_ASKPASS_REQUIRE", has_pin ? "force" : "never", TRUE);
        if (agent != NULL)
                list = g_environ_setenv(list, "SSH_AUTH_SOCK", agent, TRUE);
        return list;
}

static void
run(TgWorkplace *self,
    const char *const *argv,
    GSubprocessLauncher *launcher,
    const char *input,
    GCancellable *cancellable,
    TgToolFunc func,
    gpointer user_data)
{
        Tool *tool = g_new0(Tool, 1);

        tool->name = g_strdup(argv[0]);
        tool->func = func;
        tool->user_data = user_data;
        tool->cancellable = g_object_ref(cancellable);
        g_subprocess_launcher_set_cwd(launcher, self->path);
        tool->process = g_subprocess_launcher_spawnv(launcher, argv, NULL);
        if (tool->process == NULL) {
                g_idle_add_full(G_PRIORITY_DEFAULT, not_started, tool, NULL);
                return;
        }
        g_subprocess_communicate_utf8_async(tool->process, input, cancellable, on_ended, tool);
}

void
tg_workplace_run(TgWorkplace *self,
                 const char *const *argv,
                 const char *input,
                 const char *agent,
                 GCancellable *cancellable,
                 TgToolFunc func,
                 gpointer user_data)
{
        g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
                G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                G_SUBPROCESS_FLAGS_STDERR_PIPE);
        g_auto(GStrv) variables = environment(agent, FALSE);

        g_subprocess_launcher_set_environ(launcher, variables);
        run(self, argv, launcher, input != NULL ? input : "", cancellable, func, user_data);
}

/* A pipe with room for more than a PIN takes it without waiting. -1: there is none. */
static int
pipe_with(const TgSecret *pin)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(pin, &n_bytes);
        int fds[2];

        if (n_bytes > PIPE_BUF || pipe2(fds, O_CLOEXEC) < 0)
                return -1;
        if (write(fds[1], bytes, n_bytes) != (gssize)n_bytes) {
                close(fds[0]);
                fds[0] = -1;
        }
        close(fds[1]);
        return fds[0];
}

void
tg_workplace_run_with_pin(TgWorkplace *self,
                          const char *const *argv,
                          const TgSecret *pin,
                          GCancellable *cancellable,
                          TgToolFunc func,
                          gpointer user_data)
{
        g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
                G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
        g_auto(GStrv) variables = environment(NULL, TRUE);
        int fd = pipe_with(pin);

        g_subprocess_launcher_set_environ(launcher, variables);
        if (fd >= 0)
                g_subprocess_launcher_take_stdin_fd(launcher, fd);
        run(self, argv, launcher, NULL, cancellable, func, user_data);
}
