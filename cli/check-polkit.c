/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/check.h"
#include "cli/terminal.h"
#include "dbus/names.h"
#include "protocol/error.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

static const char *const actions[] = {
        TG_ACTION_SHARE,
        TG_ACTION_ACCEPT,
        TG_ACTION_IMPORT,
        TG_ACTION_REVEAL,
        TG_ACTION_USE,
        TG_ACTION_REVOKE,
        TG_ACTION_REMOVE,
};

static GVariant *
call_polkit(TgClient *client, const char *method, GVariant *arguments, GError **error)
{
        const TgClientCall call = {
                .destination = POLKIT_NAME,
                .path = POLKIT_PATH,
                .interface = POLKIT_INTERFACE,
                .method = method,
                .arguments = arguments,
        };

        return tg_client_call(client, &call, error);
}

static gboolean
has_action(GVariant *descriptions, const char *wanted)
{
        GVariantIter iter;
        GVariant *description;
        gboolean is_found = FALSE;

        g_variant_iter_init(&iter, descriptions);
        while (!is_found && (description = g_variant_iter_next_value(&iter))) {
                const char *id;

                g_variant_get_child(description, 0, "&s", &id);
                is_found = strcmp(id, wanted) == 0;
                g_variant_unref(description);
        }

        return is_found;
}

static gboolean
check_actions(TgClient *client, GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(GVariant) descriptions = NULL;
        g_autoptr(GVariant) reply =
                call_polkit(client, "EnumerateActions", g_variant_new("(s)", ""), &local);

        if (!reply) {
                if (tg_error_code(local) == TG_ERROR_CANCELLED) {
                        g_propagate_error(error, g_steal_pointer(&local));
                        return FALSE;
                }
                tg_check_report(
                        TG_CHECK_FAILURE,
                        "polkit",
                        "polkit does not answer, so nobody can agree to anything",
                        "install and start it: apt install polkitd; systemctl start polkit");
                return TRUE;
        }

        descriptions = g_variant_get_child_value(reply, 0);
        for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
                g_autofree char *finding = NULL;

                if (has_action(descriptions, actions[i]))
                        continue;
                finding = g_strdup_printf("polkit does not know the action %s", actions[i]);
                tg_check_report(TG_CHECK_FAILURE,
                                "polkit",
                                finding,
                                "install tigress again: its file belongs into "
                                "/usr/share/polkit-1/actions/org.tigress.wallet.policy");
                return TRUE;
        }

        tg_check_report(TG_CHECK_OK, "polkit", "it answers and knows the wallet's actions", NULL);
        return TRUE;
}

/* Our process as polkit names it. */
static GVariant *
build_process(void)
{
        GVariantBuilder details = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&details, "{sv}", "pid", g_variant_new_uint32((guint32)getpid()));
        g_variant_builder_add(&details, "{sv}", "start-time", g_variant_new_uint64(0));
        g_variant_builder_add(&details, "{sv}", "uid", g_variant_new_int32((gint32)getuid()));

        return g_variant_new("(sa{sv})", "unix-process", &details);
}

static GVariant *
build_session(const char *id)
{
        GVariantBuilder details = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&details, "{sv}", "session-id", g_variant_new_string(id));

        return g_variant_new("(sa{sv})", "unix-session", &details);
}

/* polkit tells nobody which agents it has, but takes no second one for a session: one is
 * offered, and taken back at once if it was taken. */
static gboolean
session_has_agent(TgClient *client, const char *session)
{
        const char *path = TG_ROOT_PATH "/probe";
        g_autoptr(GError) local = NULL;
        g_autoptr(GVariant) reply =
                call_polkit(client,
                            "RegisterAuthenticationAgent",
                            g_variant_new("(@(sa{sv})ss)", build_session(session), "C", path),
                            &local);
        g_autoptr(GVariant) taken_back = NULL;

        if (!reply)
                return strstr(local->message, "already exists") != NULL;
        taken_back = call_polkit(client,
                                 "UnregisterAuthenticationAgent",
                                 g_variant_new("(@(sa{sv})s)", build_session(session), path),
                                 NULL);
        return FALSE;
}

/* Whether the user would have to be asked at all. */
static gboolean
is_asked(TgClient *client, gboolean *ret_is_refused)
{
        GVariantBuilder details = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
        g_autoptr(GVariant) reply = call_polkit(
                client,
                "CheckAuthorization",
                g_variant_new(
                        "(@(sa{sv})sa{ss}us)", build_process(), TG_ACTION_SHARE, &details, 0u, ""),
                NULL);
        gboolean is_authorized = FALSE;
        gboolean is_challenge = FALSE;

        if (reply)
                g_variant_get(reply, "((bba{ss}))", &is_authorized, &is_challenge, NULL);
        *ret_is_refused = reply && !is_authorized && !is_challenge;

        return is_challenge;
}

static void
check_agent(TgClient *client)
{
        g_autofree char *session = NULL;
        g_autofree char *text_agent = g_find_program_in_path("pkttyagent");
        gboolean is_refused = FALSE;

        if (!is_asked(client, &is_refused)) {
                if (is_refused)
                        tg_check_report(TG_CHECK_FAILURE,
                                        "agent",
                                        "a rule of polkit refuses " TG_ACTION_SHARE " to you",
                                        "ask the administrator: /etc/polkit-1/rules.d");
                else
                        tg_check_report(TG_CHECK_OK,
                                        "agent",
                                        "by a rule of polkit nobody has to ask you",
                                        NULL);
                return;
        }

        if (tg_agent_in_session(&session) && session_has_agent(client, session))
                tg_check_report(TG_CHECK_OK, "agent", "your session has one that asks you", NULL);
        else if (!text_agent)
                tg_check_report(TG_CHECK_FAILURE,
                                "agent",
                                "nobody can ask you: there is no agent and no pkttyagent",
                                "install it: apt install polkitd");
        else if (tg_terminal_is_there())
                tg_check_report(
                        TG_CHECK_OK, "agent", "tigressctl will ask you on this terminal", NULL);
        else
                tg_check_report(
                        TG_CHECK_WARNING,
                        "agent",
                        "nobody can ask you here: no agent in this session, and no terminal",
                        "run tigressctl in a terminal, or start your desktop's polkit agent");
}

gboolean
tg_check_polkit(GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(TgClient) client = tg_client_new_system(&local);

        if (!client) {
                tg_check_report(TG_CHECK_FAILURE,
                                "polkit",
                                "there is no system bus, so polkit cannot be asked",
                                "start it: systemctl start dbus");
                return TRUE;
        }
        if (!check_actions(client, error))
                return FALSE;
        check_agent(client);

        return TRUE;
}
