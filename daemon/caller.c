/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/allowance.h"
#include "daemon/process.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/*
 * Steps of tg_callers_get() for a connection not seen before, in the order that
 * leaves no gap:
 *
 *      watch_name      from here on the bus tells when the name goes
 *      ask_bus         pid and uid of the connection
 *      look_at_process pidfd, then /proc, then: is the pidfd's process still alive?
 *      ask_bus         does the name still stand for that pid?
 *
 * What remains: a connection handed on to another process of the same user.
 */

struct TgCallers {
        sd_bus *bus;
        GHashTable *by_name; /* name → TgCaller, not a reference */
        GQueue idle;         /* TgCaller with a reference of ours, the last used first */
        TgAllowance *allowance;
};

typedef struct {
        guint id;
        TgCallerFunc func;
        gpointer user_data;
} Watch;

struct TgCaller {
        guint n_refs;
        TgCallers *callers; /* NULL when the registry has gone */
        char *name;
        sd_bus_slot *watch_slot;
        gboolean has_left;
        int pidfd;
        pid_t pid;
        uid_t uid;
        TgProcess process;
        GArray *watches;
        guint last_watch_id;
        guint notify_source;
        guint n_unanswered;
};

static void tell_watchers(TgCaller *self);

static void
caller_free(TgCaller *self)
{
        if (self->callers)
                g_hash_table_remove(self->callers->by_name, self->name);

        sd_bus_slot_unref(self->watch_slot);
        g_clear_handle_id(&self->notify_source, g_source_remove);
        if (self->pidfd >= 0)
                close(self->pidfd);
        tg_process_clear(&self->process);
        g_array_unref(self->watches);
        g_free(self->name);
        g_free(self);
}

TgCaller *
tg_caller_ref(TgCaller *self)
{
        self->n_refs++;
        return self;
}

void
tg_caller_unref(TgCaller *self)
{
        if (self && --self->n_refs == 0)
                caller_free(self);
}

static TgCaller *
caller_new(TgCallers *callers, const char *name)
{
        TgCaller *self = g_new0(TgCaller, 1);

        self->n_refs = 1;
        self->name = g_strdup(name);
        self->pidfd = -1;
        self->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
        self->callers = callers;
        g_hash_table_insert(callers->by_name, self->name, self);

        return self;
}

/* ---- leaving ---- */

static void
caller_left(TgCaller *self)
{
        TgCallers *callers = self->callers;

        if (self->has_left)
                return;

        self->has_left = TRUE;
        tg_caller_ref(self);
        if (callers && g_queue_remove(&callers->idle, self))
                tg_caller_unref(self);
        tell_watchers(self);
        tg_caller_unref(self);
}

static int
on_name_owner_changed(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        TgCaller *self = user_data;
        const char *name, *old_owner, *new_owner;

        /* sd-bus takes any unique name for the one that a match names, and anybody may send
         * us a signal: only the bus's own word counts. */
        if (g_strcmp0(sd_bus_message_get_sender(message), "org.freedesktop.DBus") != 0 ||
            sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner) < 0)
                return 0;
        if (strcmp(name, self->name) == 0 && *new_owner == '\0')
                caller_left(self);

        return 0;
}

/* A connection whose leaving we would not hear of is as good as gone. */
static int
on_watch_installed(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        TgCaller *self = user_data;

        if (sd_bus_message_is_method_error(message, NULL)) {
                g_warning("the session bus refuses to tell when %s leaves: %s",
                          self->name,
                          sd_bus_message_get_error(message)->name);
                caller_left(self);
        }

        return 0;
}

/* Each watch is taken off the list before it is called, so whatever the callback does to
 * the list (unwatch, watch again) holds. */
static void
tell_watchers(TgCaller *self)
{
        while (self->watches->len > 0) {
                Watch watch = g_array_index(self->watches, Watch, 0);

                g_array_remove_index(self->watches, 0);
                watch.func(self, watch.user_data);
        }
}

static gboolean
on_notify_idle(gpointer user_data)
{
        TgCaller *self = tg_caller_ref(user_data);

        self->notify_source = 0;
        tell_watchers(self);
        tg_caller_unref(self);
        return G_SOURCE_REMOVE;
}

guint
tg_caller_watch(TgCaller *self, TgCallerFunc func, gpointer user_data)
{
        Watch watch = {.id = ++self->last_watch_id, .func = func, .user_data = user_data};

        g_array_append_val(self->watches, watch);
        /* Too late to hear it from the bus, and never from inside this call. */
        if (self->has_left && self->notify_source == 0)
                self->notify_source = g_idle_add(on_notify_idle, self);

        return watch.id;
}

void
tg_caller_unwatch(TgCaller *self, guint id)
{
        for (guint i = 0; i < self->watches->len; i++) {
                if (g_array_index(self->watches, Watch, i).id != id)
                        continue;
                g_array_remove_index(self->watches, i);
                return;
        }
}

/* ---- identifying ---- */

static gboolean
watch_name(TgCaller *self, GError **error)
{
        g_autofree char *match = NULL;
        int r;

        /* The bus makes these names; a quote in one would change the rule. */
        if (strchr(self->name, '\'')) {
                tg_set_error(error, TG_ERROR_DENIED, "the calling connection has no proper name");
                return FALSE;
        }

        match = g_strdup_printf("type='signal',sender='org.freedesktop.DBus',"
                                "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
                                "member='NameOwnerChanged',arg0='%s'",
                                self->name);
        r = sd_bus_add_match_async(self->callers->bus,
                                   &self->watch_slot,
                                   match,
                                   on_name_owner_changed,
                                   on_watch_installed,
                                   self);
        if (r < 0) {
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "cannot watch the calling connection: %s",
                             g_strerror(-r));
                return FALSE;
        }

        return TRUE;
}

/* Only what the bus itself knows: UID would be looked up in /proc by sd-bus, which is
 * about whoever has the pid by then, and is not in the mask here. */
static gboolean
ask_bus(sd_bus_message *message, pid_t *ret_pid, uid_t *ret_uid, GError **error)
{
        const guint64 mask = SD_BUS_CREDS_PID | SD_BUS_CREDS_EUID;
        sd_bus_creds *creds = NULL;
        pid_t pid = 0;
        uid_t uid = 0;
        int r;

        r = sd_bus_query_sender_creds(message, mask, &creds);
        if (r >= 0 && (sd_bus_creds_get_augmented_mask(creds) & mask) != 0)
                r = -ENODATA;
        if (r >= 0)
                r = sd_bus_creds_get_pid(creds, &pid);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &uid);
        sd_bus_creds_unref(creds);

        if (r == -ENXIO) {
                tg_set_error(error, TG_ERROR_DENIED, "the caller has left the bus meanwhile");
                return FALSE;
        }
        if (r < 0 || pid <= 0) {
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "the bus does not tell which process is calling: "
                             "call from the machine and the containers that it can see into");
                return FALSE;
        }

        *ret_pid = pid;
        *ret_uid = uid;
        return TRUE;
}

static gboolean
is_process_alive(int pidfd)
{
        struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
        int r;

        do
                r = poll(&poll_fd, 1, 0);
        while (r < 0 && errno == EINTR);

        return r == 0;
}

static gboolean
look_at_process(TgCaller *self, GError **error)
{
        g_autofree char *path = g_strdup_printf("/proc/%d", (int)self->pid);
        gboolean is_read = FALSE;
        int proc_fd;

        self->pidfd = (int)syscall(SYS_pidfd_open, self->pid, 0);
        if (self->pidfd < 0 && (errno == EMFILE || errno == ENFILE)) {
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "too many programs are being served: try again later");
                return FALSE;
        }
        if (self->pidfd < 0) {
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "the calling process cannot be identified: %s",
                             g_strerror(errno));
                return FALSE;
        }

        proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (proc_fd >= 0) {
                is_read = tg_process_read(proc_fd, &self->process);
                close(proc_fd);
        }

        if (!is_process_alive(self->pidfd)) {
                tg_set_error(error, TG_ERROR_DENIED, "the calling process has ended meanwhile");
                return FALSE;
        }
        if (!is_read) {
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "the calling process cannot be looked at: "
                             "/proc must show the user's own processes");
                return FALSE;
        }

        return TRUE;
}

static gboolean
identify(TgCaller *self, sd_bus_message *message, GError **error)
{
        pid_t pid_again = 0;
        uid_t uid_again = 0;

        if (!watch_name(self, error) || !ask_bus(message, &self->pid, &self->uid, error))
                return FALSE;

        if (self->uid != geteuid()) {
                tg_set_error(error,
                             TG_ERROR_DENIED,
                             "this service belongs to user %u: the caller runs as %u",
                             (guint)geteuid(),
                             (guint)self->uid);
                return FALSE;
        }

        if (!look_at_process(self, error) || !ask_bus(message, &pid_again, &uid_again, error))
                return FALSE;

        if (pid_again != self->pid || uid_again != self->uid) {
                tg_set_error(error, TG_ERROR_DENIED, "the caller is not who it was a moment ago");
                return FALSE;
        }

        return TRUE;
}

/* ---- the registry ---- */

/* Keeps a few callers that are not in use, so that a program making call after call is
 * identified once; not all of them, for each holds a descriptor of ours. */
static void
keep_for_a_while(TgCallers *self, TgCaller *caller)
{
        if (g_queue_remove(&self->idle, caller)) {
                g_queue_push_head(&self->idle, caller);
                return;
        }

        g_queue_push_head(&self->idle, tg_caller_ref(caller));
        if (g_queue_get_length(&self->idle) > TG_MAX_KNOWN_CALLERS)
                tg_caller_unref(g_queue_pop_tail(&self->idle));
}

TgCallers *
tg_callers_new(sd_bus *bus)
{
        TgCallers *self = g_new0(TgCallers, 1);

        self->bus = sd_bus_ref(bus);
        self->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&self->idle);
        self->allowance = tg_allowance_new();

        return self;
}

void
tg_callers_free(TgCallers *self)
{
        GHashTableIter iter;
        gpointer caller;

        if (!self)
                return;

        /* Who still holds a caller finds it gone, and hears of nothing any more. */
        g_hash_table_iter_init(&iter, self->by_name);
        while (g_hash_table_iter_next(&iter, NULL, &caller)) {
                TgCaller *left = caller;

                left->has_left = TRUE;
                left->callers = NULL;
                left->watch_slot = sd_bus_slot_unref(left->watch_slot);
        }
        g_queue_clear_full(&self->idle, (GDestroyNotify)tg_caller_unref);
        g_hash_table_unref(self->by_name);
        tg_allowance_free(self->allowance);
        sd_bus_unref(self->bus);
        g_free(self);
}

TgCaller *
tg_callers_get(TgCallers *self, sd_bus_message *message, GError **error)
{
        const char *name = sd_bus_message_get_sender(message);
        g_autoptr(TgCaller) caller = NULL;

        if (!name) {
                tg_set_error(error, TG_ERROR_DENIED, "the call comes from no bus");
                return NULL;
        }

        caller = g_hash_table_lookup(self->by_name, name);
        if (caller) {
                tg_caller_ref(caller);
        } else {
                caller = caller_new(self, name);
                if (!identify(caller, message, error))
                        return NULL;
        }

        if (!tg_caller_is_alive(caller)) {
                tg_set_error(error, TG_ERROR_DENIED, "the calling process has ended meanwhile");
                return NULL;
        }

        keep_for_a_while(self, caller);
        return g_steal_pointer(&caller);
}

/* ---- facts ---- */

const char *
tg_caller_bus_name(const TgCaller *self)
{
        return self->name;
}

pid_t
tg_caller_pid(const TgCaller *self)
{
        return self->pid;
}

uid_t
tg_caller_uid(const TgCaller *self)
{
        return self->uid;
}

guint64
tg_caller_start_time(const TgCaller *self)
{
        return self->process.start_time;
}

char *
tg_caller_program(const TgCaller *self)
{
        if (tg_caller_is_sandboxed(self))
                return g_strdup_printf("sandbox %s", tg_caller_application(self));
        return g_strdup_printf(
                "process %d %" G_GUINT64_FORMAT, (int)self->pid, self->process.start_time);
}

gboolean
tg_caller_is_sandboxed(const TgCaller *self)
{
        return self->process.is_sandboxed;
}

const char *
tg_caller_application(const TgCaller *self)
{
        return self->process.application;
}

gboolean
tg_caller_is_alive(const TgCaller *self)
{
        return !self->has_left && self->pidfd >= 0 && is_process_alive(self->pidfd);
}

gboolean
tg_caller_enter(TgCaller *self)
{
        if (self->n_unanswered >= TG_MAX_UNANSWERED_CALLS)
                return FALSE;

        self->n_unanswered++;
        return TRUE;
}

void
tg_caller_leave(TgCaller *self)
{
        g_return_if_fail(self->n_unanswered > 0);

        self->n_unanswered--;
}

gboolean
tg_caller_hold(TgCaller *self, gsize n_before, gsize n_after, GError **error)
{
        g_autofree char *program = NULL;

        if (n_before == n_after || self->callers == NULL)
                return TRUE;

        program = tg_caller_program(self);
        return tg_allowance_change(self->callers->allowance, program, n_before, n_after, error);
}
