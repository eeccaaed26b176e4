/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Share interface. */

#include <string.h>

#include "daemon/wallet-bus.h"
#include "dbus/names.h"

/* The share at an object path; the vtable's userdata is the bus, for methods need it. */
static TgShare *
share_at(TgWalletBus *self, const char *path)
{
        if (!g_str_has_prefix(path, TG_SHARE_PREFIX "/"))
                return NULL;
        return tg_manager_share(self->manager, path + strlen(TG_SHARE_PREFIX "/"));
}

/* ---- properties ---- */

static int
append_text(sd_bus_message *reply, const char *text)
{
        return sd_bus_message_append_basic(reply, 's', text);
}

static int
append_time(sd_bus_message *reply, gint64 time_s)
{
        guint64 value = (guint64)MAX(time_s, 0);

        return sd_bus_message_append_basic(reply, 't', &value);
}

static int
append_flag(sd_bus_message *reply, int flag)
{
        return sd_bus_message_append_basic(reply, 'b', &flag);
}

static int
append_role(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_role_name(tg_share_role(share)));
}

static int
append_state(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_state_name(share));
}

static int
append_format(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_format(share));
}

static int
append_title(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_title(share));
}

static int
append_description(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_description(share));
}

static int
append_relay(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_relay(share));
}

static int
append_mode(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_mode(share));
}

static int
append_transport(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_transport(share));
}

static int
append_application(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_application(share));
}

static int
append_ended_by(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_ended_by(share));
}

static int
append_created(sd_bus_message *reply, const TgShare *share)
{
        return append_time(reply, tg_share_created_s(share));
}

static int
append_expires(sd_bus_message *reply, const TgShare *share)
{
        return append_time(reply, tg_share_expires_s(share));
}

static int
append_title_verified(sd_bus_message *reply, const TgShare *share)
{
        return append_flag(reply, tg_share_is_title_verified(share));
}

static int
append_pin_required(sd_bus_message *reply, const TgShare *share)
{
        return append_flag(reply, tg_share_has_pin(share));
}

static int
append_pin_attempts_left(sd_bus_message *reply, const TgShare *share)
{
        guint32 n_left = tg_share_pin_attempts_left(share);

        return sd_bus_message_append_basic(reply, 'u', &n_left);
}

static int
append_failure(sd_bus_message *reply, const TgShare *share)
{
        TgError code;
        const char *text;

        if (!tg_share_failure(share, &code, &text))
                return sd_bus_message_append(reply, "(ss)", "", "");
        return sd_bus_message_append(reply, "(ss)", tg_error_name(code), text);
}

static int
append_credential(sd_bus_message *reply, const TgShare *share)
{
        const char *id = tg_share_credential_id(share);
        g_autofree char *path = id != NULL ? tg_credential_path(id) : g_strdup("/");

        return sd_bus_message_append_basic(reply, 'o', path);
}

static int
append_grant(sd_bus_message *reply, const TgShare *share)
{
        const char *grant = tg_share_grant(share);
        g_autofree char *path =
                grant[0] != '\0' ? g_strconcat(TG_SHARE_PREFIX "/", grant, NULL) : g_strdup("/");

        return sd_bus_message_append_basic(reply, 'o', path);
}

static int
append_details(sd_bus_message *reply, const TgShare *share)
{
        return tg_details_append(reply, tg_share_details(share), tg_share_bounds(share));
}

static int
append_person(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_person(share));
}

static int
append_lent(sd_bus_message *reply, const TgShare *share)
{
        return append_text(reply, tg_share_lent(share));
}

static int
append_granted_until(sd_bus_message *reply, const TgShare *share)
{
        return append_time(reply, tg_share_over_s(share));
}

static int
append_receipt(sd_bus_message *reply, const TgShare *share)
{
        gint64 time_s;
        const char *word = tg_share_receipt(share, &time_s);

        return sd_bus_message_append(reply, "(st)", word, (guint64)MAX(time_s, 0));
}

static const struct {
        const char *name;
        const char *type;
        int (*append)(sd_bus_message *reply, const TgShare *share);
} properties[] = {
        {"Role",            "s",     append_role             },
        {"State",           "s",     append_state            },
        {"Format",          "s",     append_format           },
        {"Title",           "s",     append_title            },
        {"Description",     "s",     append_description      },
        {"Relay",           "s",     append_relay            },
        {"Mode",            "s",     append_mode             },
        {"Transport",       "s",     append_transport        },
        {"Created",         "t",     append_created          },
        {"Expires",         "t",     append_expires          },
        {"PinRequired",     "b",     append_pin_required     },
        {"PinAttemptsLeft", "u",     append_pin_attempts_left},
        {"Failure",         "(ss)",  append_failure          },
        {"Credential",      "o",     append_credential       },
        {"Application",     "s",     append_application      },
        {"TitleVerified",   "b",     append_title_verified   },
        {"EndedBy",         "s",     append_ended_by         },
        {"Details",         "a(ss)", append_details          },
        {"Grant",           "o",     append_grant            },
        {"Person",          "s",     append_person           },
        {"Receipt",         "(st)",  append_receipt          },
        {"Lent",            "s",     append_lent             },
        {"GrantedUntil",    "t",     append_granted_until    },
};

static int
get_property(sd_bus *bus,
             const char *path,
             const char *interface,
             const char *property,
             sd_bus_message *reply,
             void *userdata,
             sd_bus_error *error)
{
        TgShare *share = share_at(userdata, path);

        for (gsize i = 0; share != NULL && i < G_N_ELEMENTS(properties); i++) {
                if (g_str_equal(properties[i].name, property))
                        return properties[i].append(reply, share);
        }
        return -ENOENT;
}

int
tg_share_bus_append(sd_bus_message *reply, const TgShare *share)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        for (gsize i = 0; r >= 0 && i < G_N_ELEMENTS(properties); i++) {
                sd_bus_message_open_container(reply, 'e', "sv");
                sd_bus_message_append_basic(reply, 's', properties[i].name);
                sd_bus_message_open_container(reply, 'v', properties[i].type);
                r = properties[i].append(reply, share);
                sd_bus_message_close_container(reply);
                sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- methods: who may, then the deed ---- */

typedef void (*Act)(
        TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error);

typedef struct {
        Act act;
        char *reason;
} Deed;

static void
free_deed(gpointer data)
{
        Deed *deed = data;

        g_free(deed->reason);
        g_free(deed);
}

static void
on_permitted(TgWalletBus *self, TgCall *call, const char *id, gpointer user_data)
{
        TgShare *share = tg_manager_share(self->manager, id);
        g_autoptr(GError) error = NULL;
        Deed *deed = user_data;

        if (share == NULL)
                error = tg_error_new(TG_ERROR_NOT_FOUND, "the share is gone meanwhile");
        else
                deed->act(self, call, share, deed->reason, &error);

        if (error != NULL)
                tg_call_fail(call, error);
        else if (!tg_call_is_answered(call))
                tg_call_return(call, NULL);
        free_deed(deed);
}

typedef enum { ROW_SECRET, ROW_FREE } Row;

/* The table of who may do what: ARCHITECTURE.md, "Who may call what". */
static const char *
action_for(Row row, TgCaller *caller, const TgShare *share)
{
        gboolean is_starter = tg_share_was_started_by(share, tg_caller_bus_name(caller));

        switch (row) {
        case ROW_SECRET:
                return is_starter ? NULL : TG_ACTION_SHARE;
        case ROW_FREE:
                if (is_starter || !tg_caller_is_sandboxed(caller))
                        return NULL;
                return tg_share_role(share) == TG_ROLE_INITIATOR ? TG_ACTION_SHARE
                                                                 : TG_ACTION_ACCEPT;
        }
        return TG_ACTION_SHARE;
}

const char *
tg_share_free_action(TgCaller *caller, const TgShare *share)
{
        return action_for(ROW_FREE, caller, share);
}

static int
do_it(sd_bus_message *message, TgWalletBus *self, Row row, Act act, const char *reason)
{
        TgShare *share = share_at(self, sd_bus_message_get_path(message));
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) error = NULL;
        Deed *deed;

        if (share == NULL)
                return -ENOENT;
        call = tg_call_new(self->callers, message, &error);
        if (call == NULL)
                return tg_reply_error(message, error);

        deed = g_new0(Deed, 1);
        deed->act = act;
        deed->reason = g_strdup(reason);
        tg_permit_ask(self,
                      call,
                      action_for(row, tg_call_caller(call), share),
                      tg_share_id(share),
                      on_permitted,
                      deed,
                      free_deed);
        return 1;
}

static int
do_it_with_reason(sd_bus_message *message, TgWalletBus *self, Row row, Act act)
{
        const char *reason;

        if (sd_bus_message_read(message, "s", &reason) < 0)
                return -EINVAL;
        return do_it(message, self, row, act, reason);
}

static void
act_get_invitation(
        TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        g_autoptr(TgSecret) invitation = tg_share_get_invitation(share, error);

        if (invitation != NULL)
                tg_call_return(call, "s", (const char *)tg_secret_get(invitation, NULL));
}

static void
act_get_pin(TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        g_autoptr(TgSecret) pin = tg_share_get_pin(share, error);

        if (pin != NULL)
                tg_call_return(call, "s", (const char *)tg_secret_get(pin, NULL));
}

static void
act_cancel(TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        tg_share_cancel(share, reason, error);
}

static void
act_decline(TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        tg_share_decline(share, reason, error);
}

static void
act_relinquish(TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        tg_share_relinquish(share, error);
}

static void
act_forget(TgWalletBus *self, TgCall *call, TgShare *share, const char *reason, GError **error)
{
        tg_manager_forget(self->manager, share, error);
}

static int
on_get_invitation(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it(message, userdata, ROW_SECRET, act_get_invitation, NULL);
}

static int
on_get_pin(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it(message, userdata, ROW_SECRET, act_get_pin, NULL);
}

static int
on_provide_pin(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        TgShare *share = share_at(self, sd_bus_message_get_path(message));

        return share != NULL ? tg_provide_pin(self, message, share) : -ENOENT;
}

static int
on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it_with_reason(message, userdata, ROW_FREE, act_cancel);
}

static int
on_decline(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it_with_reason(message, userdata, ROW_FREE, act_decline);
}

static int
on_relinquish(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it(message, userdata, ROW_FREE, act_relinquish, NULL);
}

static int
on_revoke(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        TgShare *share = share_at(self, sd_bus_message_get_path(message));

        return share != NULL ? tg_revoke(self, message, share, TG_ACTION_REVOKE) : -ENOENT;
}

static int
on_forget(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return do_it(message, userdata, ROW_FREE, act_forget, NULL);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetInvitation",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("s", invitation),
                                on_get_invitation,
                                ANYBODY | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("GetPin",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("s", pin),
                                on_get_pin,
                                ANYBODY | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("ProvidePin",
                                SD_BUS_ARGS("v", pin),
                                SD_BUS_NO_RESULT,
                                on_provide_pin,
                                ANYBODY | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "Cancel", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, on_cancel, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                "Decline", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, on_decline, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                "Relinquish", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_relinquish, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                "Revoke", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, on_revoke, ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Forget", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_forget, ANYBODY),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", outcome), 0),
        SD_BUS_PROPERTY("Role", "s", get_property, 0, CONST),
        SD_BUS_PROPERTY("State", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Format", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Title", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Description", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Relay", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Mode", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Transport", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Created", "t", get_property, 0, CONST),
        SD_BUS_PROPERTY("Expires", "t", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("PinRequired", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("PinAttemptsLeft", "u", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Failure", "(ss)", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Credential", "o", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Application", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("TitleVerified", "b", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("EndedBy", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Details", "a(ss)", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Grant", "o", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Person", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Receipt", "(st)", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("Lent", "s", get_property, 0, CHANGES),
        SD_BUS_PROPERTY("GrantedUntil", "t", get_property, 0, CHANGES),
        SD_BUS_VTABLE_END,
};

static int
find_share(sd_bus *bus,
           const char *path,
           const char *interface,
           void *userdata,
           void **ret_found,
           sd_bus_error *error)
{
        if (share_at(userdata, path) == NULL)
                return 0;
        *ret_found = userdata;
        return 1;
}

int
tg_share_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_fallback_vtable(
                self->bus, ret_slot, TG_SHARE_PREFIX, TG_SHARE_INTERFACE, vtable, find_share, self);
}

/* ---- telling ---- */

static const struct {
        TgShareChange change;
        const char *property;
} changed_properties[] = {
        {TG_SHARE_STATE,                   "State"          },
        {TG_SHARE_STATE,                   "EndedBy"        },
        {TG_SHARE_FORMAT,                  "Format"         },
        {TG_SHARE_TITLE,                   "Title"          },
        {TG_SHARE_TITLE,                   "Description"    },
        {TG_SHARE_TITLE,                   "TitleVerified"  },
        {TG_SHARE_RELAY,                   "Relay"          },
        {TG_SHARE_MODE,                    "Mode"           },
        {TG_SHARE_MODE,                    "Transport"      },
        {TG_SHARE_MODE,                    "PinRequired"    },
        {TG_SHARE_PIN | TG_SHARE_STATE,    "PinAttemptsLeft"},
        {TG_SHARE_EXPIRES,                 "Expires"        },
        {TG_SHARE_FAILURE,                 "Failure"        },
        {TG_SHARE_CREDENTIAL,              "Credential"     },
        {TG_SHARE_APPLICATION,             "Application"    },
        {TG_SHARE_DETAILS,                 "Details"        },
        {TG_SHARE_LENT,                    "Person"         },
        {TG_SHARE_RECEIPT,                 "Receipt"        },
        {TG_SHARE_LENT,                    "Lent"           },
        {TG_SHARE_LENT | TG_SHARE_DETAILS, "GrantedUntil"   },
};

void
tg_share_bus_emit_changes(TgWalletBus *self, TgShare *share, TgShareChange changes)
{
        g_autofree char *path = tg_share_path(share);
        char *names[G_N_ELEMENTS(changed_properties) + 1] = {NULL};
        guint n = 0;

        for (gsize i = 0; i < G_N_ELEMENTS(changed_properties); i++) {
                if ((changes & changed_properties[i].change) != 0)
                        names[n++] = (char *)changed_properties[i].property;
        }
        sd_bus_emit_properties_changed_strv(self->bus, path, TG_SHARE_INTERFACE, names);
}
