/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/agent.h"
#include "cli/command.h"
#include "cli/invitation.h"
#include "cli/object.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/spoken-pin.h"
#include "cli/times.h"
#include "protocol/error.h"

static gboolean shows_link;
static gboolean shows_pin;

static const TgOption options[] = {
        {"link",                                         TG_OPTION_FLAG, &shows_link, NULL, "print the link of a running share; asks you"},
        {"pin",                                   TG_OPTION_FLAG, &shows_pin, NULL, "print the PIN to tell the recipient; asks you"},
        {                                         },
};

static void
print_time(const char *name, guint64 when)
{
        g_autofree char *text = when > 0 ? tg_times_full(when, tg_times_now()) : NULL;

        tg_output_field(name, text);
}

static void
print_tries(const TgObject *share)
{
        gboolean is_needed = strcmp(tg_object_text(share, "State"), "pin-needed") == 0;
        g_autofree char *tries = tg_outcome_tries(share);
        g_autofree char *text =
                g_strdup_printf("%s (%s)", is_needed ? "needed now" : "required", tries);

        if (tg_object_number(share, "PinAttemptsLeft") > 0)
                tg_output_field("PIN", text);
}

static void
print_details(const TgObject *object)
{
        g_autoptr(GVariant) details = tg_object_pairs(object, "Details");
        GVariantIter iter;
        const char *name;
        const char *value;

        g_variant_iter_init(&iter, details);
        while (g_variant_iter_next(&iter, "(&s&s)", &name, &value))
                tg_output_field(name, value);
}

/* Who has said so, in words. */
static void
print_receipt(const TgObject *share)
{
        gboolean is_initiator = strcmp(tg_object_text(share, "Role"), "initiator") == 0;
        g_autofree char *time = NULL;
        g_autofree char *text = NULL;
        const char *word;
        guint64 time_s;

        tg_object_receipt(share, &word, &time_s);
        if (*word != '\0') {
                time = tg_times_full(time_s, tg_times_now());
                text = g_strdup_printf("%s, by the recipient's own word; read %s", word, time);
                tg_output_field("Receipt", text);
        } else if (is_initiator && strcmp(tg_object_text(share, "EndedBy"), "relay") == 0) {
                tg_output_field("Receipt", "none: nobody but the relay says how it ended");
        }
}

static void
print_share(const TgObject *share)
{
        const char *title = tg_object_text(share, "Title");
        const char *failure;
        const char *message;
        g_autofree char *progress = NULL;
        gboolean is_end = tg_outcome_is_end(tg_object_text(share, "State"));

        tg_object_failure(share, &failure, &message);
        if (!is_end)
                progress = tg_outcome_progress(share, FALSE);

        tg_output_field("Share", share->id);
        tg_output_field("Title", title);
        if (*title && !tg_object_flag(share, "TitleVerified"))
                tg_output_field("", "(what the relay says; not verified)");
        tg_output_field("Description", tg_object_text(share, "Description"));
        tg_output_field("Role", tg_object_text(share, "Role"));
        tg_output_field("With", tg_object_text(share, "Person"));
        tg_output_field("State", tg_object_text(share, "State"));
        tg_output_field("", progress);
        tg_output_field("Ended by", tg_object_text(share, "EndedBy"));
        if (is_end)
                tg_output_field("Failure", message);
        print_receipt(share);
        tg_output_field("Lent", tg_object_text(share, "Lent"));
        print_time("Good until", tg_object_number(share, "GrantedUntil"));
        print_time("Began", tg_object_number(share, "Created"));
        print_time(is_end ? "Limit" : "Ends", tg_object_number(share, "Expires"));
        tg_output_field("Format", tg_object_text(share, "Format"));
        tg_output_field("Relay", tg_object_text(share, "Relay"));
        tg_output_field("Protection", tg_outcome_mode(tg_object_text(share, "Mode")));
        print_tries(share);
        tg_output_field("Transport", tg_object_text(share, "Transport"));
        tg_output_field("Asked by", tg_object_text(share, "Application"));
        tg_output_field("Credential", tg_object_reference(share, "Credential"));
        tg_output_field("Renews", tg_object_reference(share, "Grant"));
        print_details(share);
}

static void
print_targets(const TgObject *credential)
{
        g_autoptr(GVariant) targets = tg_object_pairs(credential, "Targets");
        GVariantIter iter;
        const char *name;
        const char *changes;

        g_variant_iter_init(&iter, targets);
        while (g_variant_iter_next(&iter, "(&s&s)", &name, &changes)) {
                g_autofree char *text = g_strdup_printf("%s: %s", name, changes);

                tg_output_field("Use", text);
        }
}

static void
print_uses(const TgObject *credential)
{
        guint64 n_uses = tg_object_number(credential, "Uses");
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT,
                                                tg_object_number(credential, "UsesLeft"),
                                                n_uses);

        if (n_uses > 0)
                tg_output_field("Uses left", text);
}

static void
print_credential(const TgObject *credential)
{
        tg_output_field("Credential", credential->id);
        tg_output_field("Title", tg_object_text(credential, "Title"));
        tg_output_field("Description", tg_object_text(credential, "Description"));
        tg_output_field("Kind", tg_object_text(credential, "Kind"));
        tg_output_field("Format", tg_object_text(credential, "Format"));
        tg_output_field("Issuer", tg_object_text(credential, "Issuer"));
        print_time("Received", tg_object_number(credential, "Received"));
        print_time("Valid from", tg_object_number(credential, "NotBefore"));
        print_time("Valid until", tg_object_number(credential, "NotAfter"));
        tg_output_field("Revoked", tg_object_flag(credential, "Revoked") ? "yes" : "");
        tg_output_field("Expired", tg_object_flag(credential, "Expired") ? "yes" : "");
        print_uses(credential);
        tg_output_field("Share", tg_object_reference(credential, "Share"));
        print_details(credential);
        print_targets(credential);
}

/* Link or PIN, after the user was asked. */
static int
print_secret(const TgInvocation *invocation,
             TgClient *client,
             const TgObject *share,
             GError **error)
{
        g_autoptr(TgAgent) agent = invocation->may_ask ? tg_agent_open(FALSE) : NULL;
        g_autoptr(TgSecret) secret = shows_link ? tg_invitation_get(client, share, error)
                                                : tg_spoken_pin_get(client, share, error);
        gboolean is_printed = FALSE;

        g_clear_pointer(&agent, tg_agent_close);
        if (secret && shows_link)
                is_printed = tg_invitation_print(share, secret, error);
        else if (secret)
                is_printed = tg_spoken_pin_print(share, secret, error);

        return is_printed ? 0 : -1;
}

static int
run(const TgInvocation *invocation, GError **error)
{
        g_autoptr(TgClient) client = NULL;
        g_autoptr(TgObject) object = NULL;

        if (shows_link && shows_pin) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--link and --pin do not go together: the two are the credential\n"
                             "give one, and keep them apart");
                return -1;
        }
        client = tg_client_new(invocation->may_ask, error);
        if (client)
                object = tg_object_find(client,
                                        shows_link || shows_pin ? TG_OBJECT_SHARE : TG_OBJECT_ANY,
                                        invocation->arguments[0],
                                        error);
        if (!object)
                return -1;

        if (shows_link || shows_pin)
                return print_secret(invocation, client, object, error);
        if (tg_output_is_json()) {
                TgJsonLine *line = tg_json_line_begin();

                tg_object_to_json(object, line);
                tg_json_line_end(line);
        } else if (object->kind == TG_OBJECT_SHARE) {
                print_share(object);
        } else {
                print_credential(object);
        }

        return 0;
}

const TgCommand tg_command_show = {
        .name = "show",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "tell all about a share or a credential",
        .description = "Tells all that is known about a share or a credential, but no secret.\n"
                       "ID is its id, the beginning of it, or its path on the bus.\n",
        .options = options,
        .example = "tigressctl show 4f1d22a9",
        .run = run,
};
