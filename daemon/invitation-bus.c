/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * InspectInvitation, AcceptInvitation:
 *
 *      begin             read the arguments
 *      invitation_read   the link is here; refuse what is wrong
 *      secret_read       …and its secret, where that came by another way
 *      pin_read          …and the PIN, where it is known already
 *      inspect, accept   go their own ways: what the user says of it is looked at by its vertical
 *
 * CheckRelay asks for the preview of a mailbox that cannot exist.
 */

#include <string.h>

#include "daemon/inspection.h"
#include "daemon/options-bus.h"
#include "daemon/transport.h"
#include "daemon/value.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"
#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/pin.h"
#include "protocol/text.h"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgHttpContext *context;
        TgAsking *asking;
        TgInspection *inspection;
        TgVaultWait *wait;
        TgStep *step;
        gboolean is_accept;

        TgValue *invitation_value;
        TgValue *secret_value;
        TgValue *pin_value;
        TgSecret *pin;
        TgLink *link;
        char *origin; /* of CheckRelay */
        char *title;
        GVariant *terms; /* a{sv}; NULL: none */
        char *person;
        gboolean does_fetch;
        gboolean does_wait;
        gint64 asked_at_us;
} TgInvitation;

static void invitation_read(TgSecret *secret, const GError *error, gpointer user_data);
static void secret_read(TgSecret *secret, const GError *error, gpointer user_data);
static void pin_read(TgSecret *secret, const GError *error, gpointer user_data);
static void inspect(TgInvitation *self);
static void accept_link(TgInvitation *self);

static void
free_invitation(gpointer data)
{
        TgInvitation *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->asking, tg_asking_cancel);
        g_clear_pointer(&self->inspection, tg_inspection_cancel);
        g_clear_pointer(&self->wait, tg_vault_wait_cancel);
        g_clear_pointer(&self->step, tg_step_cancel);
        g_clear_pointer(&self->terms, g_variant_unref);
        g_clear_pointer(&self->context, tg_http_context_free);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->invitation_value, tg_value_free);
        g_clear_pointer(&self->secret_value, tg_value_free);
        g_clear_pointer(&self->pin_value, tg_value_free);
        g_clear_pointer(&self->pin, tg_secret_unref);
        g_clear_pointer(&self->link, tg_link_free);
        g_free(self->origin);
        g_free(self->title);
        g_free(self->person);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgInvitation, free_invitation)

static void
finish(TgInvitation *self, const GError *error)
{
        if (error != NULL)
                tg_call_fail(self->call, error);
        tg_pending_take(self->bus, self);
        free_invitation(self);
}

/* ---- arguments ---- */

static gboolean
read_arguments(TgInvitation *self, sd_bus_message *message, GError **error)
{
        const TgOption inspect_keys[] = {
                {"fetch", TG_OPTION_FLAG, &self->does_fetch, 0},
                {NULL,    0,              NULL,              0},
        };
        TgOptionTerms own = {tg_vertical_own_terms(), tg_call_caller(self->call), &self->terms};
        const TgOption accept_keys[] = {
                {"secret", TG_OPTION_VALUE, &self->secret_value, TG_MAX_LINK_CHARS  },
                {"pin",    TG_OPTION_VALUE, &self->pin_value,    64                 },
                {"title",  TG_OPTION_TEXT,  &self->title,        TG_MAX_TITLE_BYTES },
                {"from",   TG_OPTION_TEXT,  &self->person,       TG_MAX_PERSON_BYTES},
                {"terms",  TG_OPTION_TERMS, &own,                0                  },
                {"wait",   TG_OPTION_FLAG,  &self->does_wait,    0                  },
                {NULL,     0,               NULL,                0                  },
        };

        self->invitation_value = tg_value_take(message, "invitation", TG_MAX_LINK_CHARS, error);
        return self->invitation_value != NULL &&
               tg_options_read(message, self->is_accept ? accept_keys : inspect_keys, error);
}

static gsize
room_of(const TgInvitation *self)
{
        return tg_value_room(self->invitation_value) + tg_value_room(self->secret_value) +
               tg_value_room(self->pin_value);
}

static int
begin(TgWalletBus *bus, sd_bus_message *message, gboolean is_accept)
{
        g_autoptr(TgInvitation) self = g_new0(TgInvitation, 1);
        g_autoptr(GError) refused = NULL;
        TgInvitation *invitation;

        self->bus = bus;
        self->is_accept = is_accept;
        self->call = tg_call_new(bus->callers, message, &refused);
        if (self->call == NULL)
                return tg_reply_error(message, refused);
        if (!read_arguments(self, message, &refused) ||
            !tg_call_hold(self->call, room_of(self), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }

        invitation = g_steal_pointer(&self);
        tg_pending_add(bus, invitation, free_invitation);
        invitation->read = tg_value_read(
                g_steal_pointer(&invitation->invitation_value), invitation_read, invitation);
        return 1;
}

int
tg_inspect_invitation(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return begin(userdata, message, FALSE);
}

int
tg_accept_invitation(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return begin(userdata, message, TRUE);
}

/* White space around a pasted link or secret is the terminal's, not the link's. */
static void
trim(const TgSecret *secret, const char **ret_text, gsize *ret_n_chars)
{
        gsize n_chars;
        const char *text = (const char *)tg_secret_get(secret, &n_chars);

        while (n_chars > 0 && g_ascii_isspace(text[n_chars - 1]))
                n_chars--;
        while (n_chars > 0 && g_ascii_isspace(text[0])) {
                text++;
                n_chars--;
        }
        *ret_text = text;
        *ret_n_chars = n_chars;
}

static void
read_pin(TgInvitation *self)
{
        if (self->pin_value != NULL)
                self->read = tg_value_read(g_steal_pointer(&self->pin_value), pin_read, self);
        else
                accept_link(self);
}

static void
invitation_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgInvitation *self = user_data;
        g_autoptr(GError) refused = NULL;
        const char *text;
        gsize n_chars;

        self->read = NULL;
        if (error != NULL) {
                finish(self, error);
                return;
        }
        trim(secret, &text, &n_chars);
        self->link = tg_link_parse(text, n_chars, FALSE, &refused);
        if (self->link == NULL)
                finish(self, refused);
        else if (self->secret_value != NULL)
                self->read = tg_value_read(g_steal_pointer(&self->secret_value), secret_read, self);
        else if (self->is_accept)
                read_pin(self);
        else
                inspect(self);
}

static void
secret_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgInvitation *self = user_data;
        g_autoptr(GError) refused = NULL;
        const char *text;
        gsize n_chars;

        self->read = NULL;
        if (error != NULL) {
                finish(self, error);
                return;
        }
        trim(secret, &text, &n_chars);
        if (n_chars > 0 && text[0] == '#') {
                text++;
                n_chars--;
        }
        if (!tg_link_take_fragment(self->link, text, n_chars, &refused))
                finish(self, refused);
        else
                read_pin(self);
}

/* What cannot be a PIN is told while nothing has been sent. */
static void
pin_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgInvitation *self = user_data;
        g_autoptr(GError) refused = NULL;

        self->read = NULL;
        if (error == NULL && self->link->mode != TG_LINK_T2_PIN &&
            self->link->mode != TG_LINK_TDCH && self->link->mode != TG_LINK_NO_SECRET)
                refused = tg_error_new(TG_ERROR_INVALID, "this link wants no PIN");
        else if (error == NULL)
                self->pin = tg_pin_parse(secret, 0, &refused);
        if (error != NULL || refused != NULL)
                finish(self, error != NULL ? error : refused);
        else
                accept_link(self);
}

/* ---- accept ---- */

static gboolean
check_link(TgInvitation *self, GError **error)
{
        const TgLink *link = self->link;

        if (link->mode == TG_LINK_NO_SECRET) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the link has no secret (the part after '#'): give it with the option "
                             "\"secret\"");
                return FALSE;
        }
        /* What nobody here could use is left for another device. */
        return tg_vertical_has_letter(link->vertical, error) &&
               tg_inspection_is_allowed(tg_manager_wallet(self->bus->manager), link, error);
}

static void
accept_checked(gpointer user_data)
{
        TgInvitation *self = user_data;
        TgManager *manager = self->bus->manager;
        TgCaller *caller = tg_call_caller(self->call);
        g_autoptr(GError) error = NULL;
        TgShare *share;

        self->wait = NULL;
        share = tg_manager_find_link(manager, self->link, &error);
        if (error != NULL) {
                finish(self, error);
                return;
        }
        if (share != NULL) {
                g_autofree char *path = tg_share_path(share);

                tg_call_return(self->call, "o", path);
                finish(self, NULL);
                return;
        }

        if (tg_authority_has_room(self->bus->authority, caller, &error))
                share = tg_manager_accept(
                        manager,
                        self->link,
                        self->title != NULL && self->title[0] != '\0' ? self->title : NULL,
                        self->person != NULL && self->person[0] != '\0' ? self->person : NULL,
                        self->pin,
                        self->terms,
                        tg_caller_application(caller),
                        tg_caller_bus_name(caller),
                        &error);
        if (share != NULL)
                tg_consent_ask(self->bus, self->call, share, TG_ACTION_ACCEPT, self->does_wait);
        finish(self, error);
}

/* Just started, we cannot know the links that were opened before until the state key is
 * here: so that comes first, unless it would take a person. */
static void
await_vault(TgInvitation *self)
{
        self->wait =
                tg_vault_wait(tg_manager_wallet(self->bus->manager)->vault, accept_checked, self);
        if (self->wait == NULL)
                accept_checked(self);
}

static void
terms_checked(TgStepAnswer *answer, gpointer user_data)
{
        TgInvitation *self = user_data;
        const char *format = tg_step_context(self->step)->vertical->format;
        g_autoptr(GVariantDict) terms = NULL;

        self->step = NULL;
        if (answer->kind != TG_ANSWER_CHECKED) {
                finish(self, answer->error);
                return;
        }
        terms = g_variant_dict_new(answer->terms);
        g_variant_dict_insert(terms, "format", "s", format);
        g_variant_unref(self->terms);
        self->terms = g_variant_ref_sink(g_variant_dict_end(terms));
        await_vault(self);
}

/* What cannot be is told while nothing has been claimed. */
static gboolean
check_terms(TgInvitation *self, GError **error)
{
        const TgVertical *vertical = tg_vertical_of_own_terms(self->terms, error);
        char letter = self->link->vertical;
        TgStepContext context = {
                .kind = TG_STEP_CHECK,
                .vertical = vertical,
                .role = TG_ROLE_RECIPIENT,
                .terms = self->terms,
        };

        if (vertical == NULL)
                return FALSE;
        if (letter != 0 && letter != vertical->letter) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"terms\" are for %s, and the link says that it is another kind",
                             vertical->format);
                return FALSE;
        }
        self->step = tg_step_start(vertical->check_own, &context, terms_checked, self);
        return TRUE;
}

static void
accept_link(TgInvitation *self)
{
        g_autoptr(GError) error = NULL;

        if (!check_link(self, &error) || (self->terms != NULL && !check_terms(self, &error)))
                finish(self, error);
        else if (self->terms == NULL)
                await_vault(self);
}

/* ---- inspect ---- */

static const char *
mode_name(TgLinkMode mode)
{
        switch (mode) {
        case TG_LINK_NO_SECRET:
        case TG_LINK_TDCH: /* its first message tells, and who reads that takes it away */
                return "";
        case TG_LINK_T1:
                return "t1";
        case TG_LINK_T2_PIN:
                return "t2-pin";
        case TG_LINK_T2:
                return "t2";
        }
        return "";
}

static void
append_link(TgInvitation *self, sd_bus_message *reply)
{
        const TgLink *link = self->link;
        TgSettings *settings = tg_manager_wallet(self->bus->manager)->settings;
        char vertical[2] = {link->vertical, '\0'};

        sd_bus_message_append(reply, "{sv}", "relay", "s", link->origin);
        sd_bus_message_append(
                reply, "{sv}", "trusted", "b", tg_settings_is_trusted(settings, link->origin));
        sd_bus_message_append(reply, "{sv}", "vertical", "s", vertical);
        sd_bus_message_append(reply, "{sv}", "mode", "s", mode_name(link->mode));
        sd_bus_message_append(
                reply, "{sv}", "transport", "s", link->mode == TG_LINK_TDCH ? "tdch" : "mailbox");
        sd_bus_message_append(reply, "{sv}", "pin-required", "b", link->mode == TG_LINK_T2_PIN);
        sd_bus_message_append(reply, "{sv}", "has-secret", "b", link->mode != TG_LINK_NO_SECRET);
}

static void
append_text(sd_bus_message *reply, const char *key, const char *text, gsize n_max)
{
        g_autofree char *clean = tg_text_clean(text, -1, n_max);

        sd_bus_message_append(reply, "{sv}", key, "s", clean);
}

static void
answer_inspection(TgInvitation *self, const TgDisplay *display, gint64 expiration_s)
{
        sd_bus_message *reply = tg_call_new_reply(self->call);

        sd_bus_message_open_container(reply, 'a', "{sv}");
        append_link(self, reply);
        if (display != NULL) {
                append_text(reply, "title", display->title, TG_MAX_TITLE_BYTES);
                append_text(reply, "description", display->description, TG_MAX_DESCRIPTION_BYTES);
                append_text(reply, "image-url", display->image_url, TG_MAX_IMAGE_URL_BYTES);
                sd_bus_message_append(reply, "{sv}", "expires", "t", (guint64)MAX(expiration_s, 0));
        }
        sd_bus_message_close_container(reply);
        tg_call_return_message(self->call, reply);
        sd_bus_message_unref(reply);
        finish(self, NULL);
}

static void
on_inspected(const TgDisplay *display, gint64 expires_s, const GError *error, gpointer user_data)
{
        TgInvitation *self = user_data;

        self->inspection = NULL;
        if (error != NULL)
                finish(self, error);
        else
                answer_inspection(self, display, expires_s);
}

static void
inspect(TgInvitation *self)
{
        g_autoptr(GError) error = NULL;
        TgWallet *wallet = tg_manager_wallet(self->bus->manager);

        if (!self->does_fetch)
                answer_inspection(self, NULL, 0);
        else if (!tg_inspection_is_allowed(wallet, self->link, &error))
                finish(self, error);
        else if (self->link->mailbox_url == NULL)
                /* Reading would take the message away: there is no preview to fetch. */
                answer_inspection(self, NULL, 0);
        else
                self->inspection = tg_inspection_start(wallet, self->link, on_inspected, self);
}

/* ---- CheckRelay ---- */

static void
on_checked(const TgReply *reply, gpointer user_data)
{
        TgInvitation *self = user_data;
        g_autoptr(GError) error = NULL;
        gint64 took_us = g_get_monotonic_time() - self->asked_at_us;
        sd_bus_message *answer;

        self->asking = NULL;
        if (reply->kind == TG_REPLY_LATER) {
                finish(self, reply->error);
                return;
        }
        if (reply->kind != TG_REPLY_GONE || g_strcmp0(reply->word, "not-found") != 0) {
                error = tg_error_new(
                        TG_ERROR_FAILED, "what answers at %s is no TIGRESS relay", self->origin);
                finish(self, error);
                return;
        }

        answer = tg_call_new_reply(self->call);
        sd_bus_message_open_container(answer, 'a', "{sv}");
        sd_bus_message_append(answer, "{sv}", "relay", "s", self->origin);
        sd_bus_message_append(answer, "{sv}", "round-trip-ms", "u", (guint32)(took_us / 1000));
        sd_bus_message_append(answer, "{sv}", "clock-offset", "x", reply->clock_skew_s);
        sd_bus_message_append(
                answer, "{sv}", "wants-attestation", "b", (int)reply->wants_attestation);
        sd_bus_message_close_container(answer);
        tg_call_return_message(self->call, answer);
        sd_bus_message_unref(answer);
        finish(self, NULL);
}

static void
ask_preview(TgInvitation *self, const char *url)
{
        TgAsk ask = {.kind = TG_ASK_PREVIEW, .target = url};

        self->asked_at_us = g_get_monotonic_time();
        self->context = tg_http_context_new(tg_manager_wallet(self->bus->manager)->http);
        self->asking = tg_transport_ask(self->context, &ask, on_checked, self);
}

static char *
relay_to_check(TgWalletBus *bus, const char *relay, GError **error)
{
        const char *configured = tg_settings_relay(tg_manager_wallet(bus->manager)->settings);
        g_autofree char *origin = NULL;

        if (relay[0] == '\0' && configured == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "no relay is configured: run `tigressctl relays add --default "
                             "https://RELAY`");
                return NULL;
        }
        origin = relay[0] == '\0' ? g_strdup(configured) : tg_origin_parse(relay, FALSE, error);
        if (origin == NULL ||
            !tg_inspection_is_trusted(tg_manager_wallet(bus->manager), origin, error))
                return NULL;
        return g_steal_pointer(&origin);
}

int
tg_check_relay(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *bus = userdata;
        g_autoptr(TgInvitation) self = g_new0(TgInvitation, 1);
        g_autoptr(GError) refused = NULL;
        g_autofree char *url = NULL;
        guint8 uuid[TG_UUID_BYTES];
        char uuid_text[TG_UUID_CHARS + 1];
        const char *relay;
        TgInvitation *check;

        if (sd_bus_message_read(message, "s", &relay) < 0)
                return -EINVAL;
        self->bus = bus;
        self->call = tg_call_new(bus->callers, message, &refused);
        if (self->call == NULL)
                return tg_reply_error(message, refused);
        self->origin = relay_to_check(bus, relay, &refused);
        if (self->origin == NULL) {
                tg_call_fail(self->call, refused);
                return 1;
        }

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, uuid_text);
        url = g_strconcat(self->origin, TG_MAILBOX_PATH "/", uuid_text, NULL);
        check = g_steal_pointer(&self);
        tg_pending_add(bus, check, free_invitation);
        ask_preview(check, url);
        return 1;
}
