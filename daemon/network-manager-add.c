/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new profile: for this user alone, and it waits until he connects. */

#include "daemon/network-manager-private.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

/* AddConnection2(): NetworkManager's reference, NMSettingsAddConnection2Flags */
#define TO_DISK 0x1u
#define BLOCK_AUTOCONNECT 0x20u

/* An interface's name has at most 15 characters (IFNAMSIZ). */
#define INTERFACE_PREFIX "wg-"
#define INTERFACE_ID_CHARS 8

#define NAMELESS "Network" /* where its name shows nothing */

typedef struct {
        const TgNmAddition *addition;
        gpointer what;
        TgNmAdded added;
        TgNmAddedFunc func;
        gpointer user_data;
} Adding;

static const TgNmProfile *
find_same(const TgNmJob *job, const Adding *adding)
{
        for (guint i = 0; i < job->profiles->len; i++) {
                const TgNmProfile *profile = job->profiles->pdata[i];

                if (g_strcmp0(profile->type, adding->addition->type) == 0 &&
                    adding->addition->is_same(adding->what, profile))
                        return profile;
        }
        return NULL;
}

static gboolean
is_taken(const TgNmJob *job, const char *name)
{
        for (guint i = 0; i < job->profiles->len; i++) {
                const TgNmProfile *profile = job->profiles->pdata[i];
                g_autofree char *clean = tg_text_clean(profile->name, -1, TG_MAX_TITLE_BYTES);

                if (g_str_equal(clean, name))
                        return TRUE;
        }
        return FALSE;
}

/* Profiles are called by their names: no other may become ambiguous, nor look the same. */
static char *
free_name(const TgNmJob *job, const Adding *adding)
{
        g_autofree char *said = adding->addition->name(adding->what);
        g_autofree char *clean = tg_text_clean(said, -1, TG_MAX_TITLE_BYTES);
        const char *wanted = clean[0] != '\0' ? clean : NAMELESS;
        char *name = g_strdup(wanted);

        for (guint number = 2; is_taken(job, name); number++) {
                g_free(name);
                name = g_strdup_printf("%s %u", wanted, number);
        }
        return name;
}

static int
append_identity(sd_bus_message *message, const Adding *adding)
{
        const TgNmAdded *added = &adding->added;
        /* NetworkManager's form of one user in the list of who may. */
        g_autofree char *permission = g_strdup_printf("user:%s:", g_get_user_name());
        int r = tg_nm_open_setting(message, "connection");

        if (r >= 0)
                r = sd_bus_message_append(message,
                                          "{sv}{sv}{sv}{sv}{sv}",
                                          "id",
                                          "s",
                                          added->name,
                                          "uuid",
                                          "s",
                                          added->uuid,
                                          "type",
                                          "s",
                                          adding->addition->type,
                                          "autoconnect",
                                          "b",
                                          0,
                                          "permissions",
                                          "as",
                                          1,
                                          permission);
        if (r >= 0 && added->interface != NULL)
                r = sd_bus_message_append(message, "{sv}", "interface-name", "s", added->interface);
        return r < 0 ? r : tg_nm_close_setting(message);
}

static int
append_profile(sd_bus_message *message, const Adding *adding)
{
        int r = sd_bus_message_sensitive(message);

        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "{sa{sv}}");
        if (r >= 0)
                r = append_identity(message, adding);
        if (r >= 0)
                r = adding->addition->fill(message, adding->what);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_append(message, "ua{sv}", TO_DISK | BLOCK_AUTOCONNECT, 0);
}

static int
on_added(sd_bus_message *reply, void *user_data, sd_bus_error *ret_error)
{
        tg_nm_job_end(user_data, NULL);
        return 0;
}

static void
add(TgNmJob *job)
{
        Adding *adding = job->data;
        const TgNmProfile *same = find_same(job, adding);
        g_autofree char *name =
                same != NULL ? tg_text_clean(same->name, -1, TG_MAX_TITLE_BYTES) : NULL;
        sd_bus_message *message;

        if (same != NULL) {
                tg_nm_job_end(job,
                              tg_error_new(TG_ERROR_BAD_STATE,
                                           "NetworkManager has a profile for this already, which "
                                           "stays as it is: \"%s\" (%s)",
                                           name,
                                           same->uuid));
                return;
        }
        adding->added.name = free_name(job, adding);
        message = tg_nm_call_new(
                job, TG_NM_SETTINGS_PATH, TG_NM_SETTINGS_INTERFACE, "AddConnection2");
        if (message == NULL)
                return;
        if (append_profile(message, adding) < 0) {
                sd_bus_message_unref(message);
                tg_nm_job_end(job, tg_error_new(TG_ERROR_FAILED, "the profile cannot be written"));
                return;
        }
        tg_nm_call_send(job,
                        message,
                        "NetworkManager has not answered in time, nor has anybody whom it may have "
                        "asked: the profile may still be added",
                        on_added);
}

static void
ended(TgNmJob *job, const GError *error)
{
        Adding *adding = job->data;

        adding->func(error == NULL ? &adding->added : NULL, error, adding->user_data);
        adding->addition->destroy(adding->what);
        g_free(adding->added.uuid);
        g_free(adding->added.name);
        g_free(adding->added.interface);
        g_free(adding);
}

void
tg_nm_add(const TgNmAddition *addition,
          gpointer what,
          GCancellable *cancellable,
          TgNmAddedFunc func,
          gpointer user_data)
{
        static const TgNmTask task = {.listed = add, .ended = ended};
        Adding *adding = g_new0(Adding, 1);

        adding->addition = addition;
        adding->what = what;
        adding->added.uuid = g_uuid_string_random();
        if (addition->has_interface)
                adding->added.interface = g_strdup_printf(
                        INTERFACE_PREFIX "%.*s", INTERFACE_ID_CHARS, adding->added.uuid);
        adding->func = func;
        adding->user_data = user_data;
        tg_nm_job_start(&task, adding, cancellable);
}
