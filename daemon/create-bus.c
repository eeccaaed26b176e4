/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CreateShare, Credential.Share:
 *
 *      tg_create_share   read the arguments, refuse what is wrong (create-options-bus.c)
 *      content_read      what the caller handed over is here, wholly
 *      item_read         …or the keyring item is, where the keyring is unlocked
 *      checked           …and the vertical has said what its terms, or that content, come to
 *      begin             make the share, ask the user
 *
 * What was read is what is shared: nothing is read again after the user has been asked.
 */

#include "daemon/create-bus.h"

#include <string.h>

#include "daemon/attributes.h"
#include "daemon/clock.h"
#include "dbus/names.h"
#include "protocol/limits.h"
#include "protocol/pin.h"
#include "protocol/text.h"

#define NEUTRAL_TITLE "Shared credential"
#define RELAY_PATH "/v1/t/{tigress_location}"

static void content_read(TgSecret *secret, const GError *error, gpointer user_data);
static void item_read(TgSecret *secret,
                      const char *label,
                      const char *content_type,
                      const GError *error,
                      gpointer user_data);
static void check(TgCreate *self);
static void begin(TgCreate *self);

static void
free_create(gpointer data)
{
        TgCreate *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->step, tg_step_cancel);
        g_clear_pointer(&self->terms, g_variant_unref);
        g_clear_pointer(&self->details, g_variant_unref);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->content_value, tg_value_free);
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->attributes, g_hash_table_unref);
        g_free(self->subject);
        g_free(self->credential_id);
        g_free(self->item_path);
        g_free(self->label);
        g_free(self->content_type);
        g_strfreev(self->travel);
        g_clear_pointer(&self->item_attributes, g_variant_unref);
        g_free(self->title);
        g_free(self->person);
        g_free(self->name);
        g_free(self->description);
        g_free(self->image_url);
        g_free(self->relay);
        g_free(self->kind);
        g_free(self->transport);
        g_free(self->template);
        g_free(self->letter);
        g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgCreate, free_create)

static void
finish(TgCreate *self, const GError *error)
{
        if (error != NULL)
                tg_call_fail(self->call, error);
        tg_pending_take(self->bus, self);
        free_create(self);
}

static TgCreate *
new_create(TgWalletBus *bus, sd_bus_message *message, const char *format, GError **error)
{
        g_autoptr(TgCreate) self = g_new0(TgCreate, 1);

        self->bus = bus;
        self->vertical = tg_vertical_find(format);
        if (self->vertical == NULL) {
                tg_vertical_set_unknown(format, error);
                return NULL;
        }
        self->call = tg_call_new(bus->callers, message, error);
        return self->call != NULL ? g_steal_pointer(&self) : NULL;
}

int
tg_create_share(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *bus = userdata;
        g_autoptr(TgCreate) self = NULL;
        g_autoptr(GError) refused = NULL;
        const char *format;
        TgCreate *create;

        if (sd_bus_message_read(message, "s", &format) < 0)
                return -EINVAL;
        self = new_create(bus, message, format, &refused);
        if (self == NULL)
                return tg_reply_error(message, refused);
        if (!tg_create_read_credential(self, message, &refused) ||
            !tg_create_read_options(self, message, &refused) ||
            !tg_create_check_options(self, &refused) ||
            !tg_call_hold(self->call, tg_value_room(self->content_value), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }

        create = g_steal_pointer(&self);
        tg_pending_add(bus, create, free_create);
        if (create->content_value != NULL)
                create->read = tg_value_read(
                        g_steal_pointer(&create->content_value), content_read, create);
        else if (create->terms != NULL)
                check(create);
        else
                content_read(NULL, NULL, create);
        return 1;
}

/* ---- the terms ---- */

static void
checked(TgStepAnswer *answer, gpointer user_data)
{
        TgCreate *self = user_data;

        self->step = NULL;
        if (answer->kind != TG_ANSWER_CHECKED) {
                finish(self, answer->error);
                return;
        }
        g_clear_pointer(&self->terms, g_variant_unref);
        self->terms = g_steal_pointer(&answer->terms);
        self->subject = g_steal_pointer(&answer->subject);
        self->details = g_steal_pointer(&answer->details);
        self->name = g_steal_pointer(&answer->name);
        self->over_s = answer->over_s;
        begin(self);
}

static void
check(TgCreate *self)
{
        TgStepContext context = {
                .kind = TG_STEP_CHECK,
                .vertical = self->vertical,
                .role = TG_ROLE_INITIATOR,
                .terms = self->terms,
                .given = self->content,
        };

        /* What is prompt says what is wrong as it begins: can_travel(). */
        if (self->vertical->check == NULL || (self->vertical->is_prompt && self->terms == NULL)) {
                begin(self);
                return;
        }
        self->step = tg_step_start(self->vertical->check, &context, checked, self);
}

/* ---- the content ---- */

static void
content_read(TgSecret *secret, const GError *error, gpointer user_data)
{
        TgCreate *self = user_data;
        TgKeyring *keyring = tg_manager_wallet(self->bus->manager)->keyring;

        self->read = NULL;
        if (error != NULL) {
                finish(self, error);
                return;
        }
        if (secret != NULL)
                self->content = tg_secret_ref(secret);

        /* From a locked keyring the item is read after the user's yes, when it is unlocked; for
         * a sandbox always, or labels and attributes could be found out by asking. */
        if (self->content != NULL || tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED ||
            tg_caller_is_sandboxed(tg_call_caller(self->call)))
                check(self);
        else if (self->item_path != NULL)
                self->job = tg_keyring_load_item(keyring, self->item_path, item_read, self);
        else
                self->job = tg_keyring_find_item(keyring, self->attributes, item_read, self);
}

static void
item_read(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        TgCreate *self = user_data;
        gboolean can_wait = self->item_path != NULL || self->attributes != NULL;
        g_autoptr(GError) failure = NULL;

        if (error == NULL && can_wait)
                self->item_attributes = tg_attributes_pick(tg_keyring_job_attributes(self->job),
                                                           (const char *const *)self->travel,
                                                           &failure);
        self->job = NULL;
        if (failure != NULL) {
                finish(self, failure);
                return;
        }
        if (error != NULL &&
            !(can_wait && g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE))) {
                finish(self, error);
                return;
        }
        if (error == NULL) {
                self->content = tg_secret_ref(secret);
                self->label = g_strdup(label);
                self->content_type = g_strdup(content_type);
        }
        check(self);
}

/* ---- the share ---- */

/* What cannot travel is said before the user is asked. */
static gboolean
can_travel(TgCreate *self, GError **error)
{
        g_auto(TgStepAnswer) answer = {};
        TgStepContext context = {
                .kind = TG_STEP_BEGIN,
                .role = TG_ROLE_INITIATOR,
                .given = self->content,
                .label = self->label,
                .content_type = self->content_type,
                .attributes = self->item_attributes,
        };

        if (self->content == NULL || !self->vertical->is_prompt)
                return TRUE;
        tg_step_run(self->vertical->begin, &context, &answer);
        if (answer.kind == TG_ANSWER_SAY) {
                self->details = g_steal_pointer(&answer.details);
                self->name = g_steal_pointer(&answer.name);
                return TRUE;
        }
        g_propagate_error(error, g_steal_pointer(&answer.error));
        return FALSE;
}

/* What goes on must be told to the recipient alone, and be given up where he hears of it. */
static gboolean
can_go_on(TgCreate *self, GError **error)
{
        g_auto(TgSequel) sequel = {};

        if (self->terms == NULL || self->vertical->sequel == NULL ||
            !(self->is_compat || tg_create_is_drop(self)) ||
            !self->vertical->sequel(self->terms, tg_clock_now_s(), &sequel))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "what is renewed by itself needs a relay's mailbox and a link that is not for "
                     "other wallets: leave out \"compat\", \"transport\" and \"template\"");
        return FALSE;
}

static gsize
content_size(const TgCreate *self)
{
        return self->content != NULL ? tg_secret_size(self->content) : 0;
}

/* Who has no program for it is told before he claims; of what every wallet can, it tells nothing
 * that is worth telling a relay. */
static char
letter_of(const TgCreate *self)
{
        if (self->letter != NULL)
                return self->letter[0];
        return self->vertical->letter == 'a' || tg_create_is_drop(self) ? 0
                                                                        : self->vertical->letter;
}

static const char *
title_of(const TgCreate *self)
{
        if (self->title != NULL && self->title[0] != '\0')
                return self->title;
        /* Of an item that is still to be read the label is not known yet. */
        if (self->vertical->source == TG_SOURCE_ITEM)
                return self->label != NULL ? self->label : "";
        return self->name != NULL && self->name[0] != '\0' ? self->name : NEUTRAL_TITLE;
}

static void
begin(TgCreate *self)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *title = NULL;
        TgCaller *caller = tg_call_caller(self->call);
        TgShare *share;

        /* It stays until somebody has decided. */
        if (!can_travel(self, &error) || !can_go_on(self, &error) ||
            !tg_call_hold(self->call, content_size(self), &error) ||
            !tg_authority_has_room(self->bus->authority, caller, &error)) {
                finish(self, error);
                return;
        }

        title = tg_text_clean(title_of(self), -1, TG_MAX_TITLE_BYTES);
        /* Where the relay, as ours does, has a place for messages of this kind. */
        if (tg_create_is_drop(self) && self->template == NULL)
                self->template = g_strconcat(self->relay, RELAY_PATH, NULL);
        TgShareOffer offer = {
                .vertical = self->vertical,
                .kind = self->kind != NULL ? self->kind : self->vertical->kinds[0],
                .terms = self->terms,
                .subject = self->subject,
                .details = self->details,
                .content = self->content,
                .item_path = self->item_path,
                .attributes = self->attributes,
                .travel = (const char *const *)self->travel,
                .item_attributes = self->item_attributes,
                .label = self->label,
                .content_type = self->content_type,
                .title = title,
                .description = self->description != NULL ? self->description : "",
                .image_url = self->image_url,
                .relay = self->relay,
                .template = tg_create_is_drop(self) ? self->template : NULL,
                .life_s = self->expires_in,
                .is_compat = self->is_compat,
                .pin_digits = self->pin_digits,
                .has_public_title = self->has_public_title,
                .letter = letter_of(self),
                .bounds = self->bounds,
                .source_id = self->credential_id,
                .person = self->person != NULL && self->person[0] != '\0' ? self->person : NULL,
                .over_s = self->over_s,
                .application = tg_caller_application(caller),
                .starter = tg_caller_bus_name(caller),
        };
        share = tg_manager_offer(self->bus->manager, &offer, &error);
        if (share != NULL)
                tg_consent_ask(self->bus, self->call, share, TG_ACTION_SHARE, self->does_wait);
        finish(self, error);
}

/* ---- Credential.Share ---- */

static void
load_credential(TgCreate *self)
{
        TgKeyring *keyring = tg_manager_wallet(self->bus->manager)->keyring;

        self->job = tg_keyring_load_credential(keyring, self->credential_id, item_read, self);
}

static void
unlocked(TgSecret *secret,
         const char *label,
         const char *content_type,
         const GError *error,
         gpointer user_data)
{
        TgCreate *self = user_data;

        self->job = NULL;
        if (error != NULL)
                finish(self, error);
        else
                load_credential(self);
}

int
tg_create_from_credential(TgWalletBus *bus, sd_bus_message *message, const char *id)
{
        TgCredential *credential = tg_manager_credential(bus->manager, id);
        TgWallet *wallet = tg_manager_wallet(bus->manager);
        g_autoptr(TgCreate) self = NULL;
        g_autoptr(GError) refused = NULL;
        TgCreate *create;

        if (credential->format[0] == '\0')
                refused = tg_error_new(TG_ERROR_KEYRING_UNAVAILABLE,
                                       "the keyring is locked: unlock it first");
        else
                self = new_create(bus, message, credential->format, &refused);
        if (self != NULL && tg_vertical_has_kind(self->vertical, "lend"))
                refused = tg_error_new(
                        TG_ERROR_INVALID,
                        "what was lent cannot be shared on: it is for who has its key");
        if (self == NULL)
                return tg_reply_error(message, refused);
        if (refused != NULL || !tg_credential_judge(credential, tg_clock_now_s(), &refused) ||
            !tg_create_read_options(self, message, &refused) ||
            !tg_create_check_options(self, &refused) ||
            !tg_credential_narrow(credential, &self->bounds, self->is_compat, &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }

        self->item_attributes = tg_attributes_pick(
                credential->attributes, (const char *const *)self->travel, &refused);
        if (refused != NULL) {
                tg_call_fail(self->call, refused);
                return 1;
        }
        if (self->title == NULL)
                self->title = g_strdup(credential->title);
        if (self->description == NULL)
                self->description = g_strdup(credential->description);
        create = g_steal_pointer(&self);
        tg_pending_add(bus, create, free_create);
        create->credential_id = g_strdup(id);
        if (tg_keyring_state(wallet->keyring) != TG_KEYRING_UNLOCKED &&
            tg_call_is_interactive(create->call))
                create->job = tg_keyring_unlock(wallet->keyring, unlocked, create);
        else
                load_credential(create);
        return 1;
}
