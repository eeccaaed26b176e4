/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CreateShare, Credential.Share:
 *
 *      tg_create_share   read the arguments, refuse what is wrong
 *      content_read      what the caller handed over is here, wholly
 *      item_read         …or the keyring item is, where the keyring is unlocked
 *      begin             make the share, ask the user
 *
 * What was read is what is shared: nothing is read again after the user has been asked.
 */

#include <string.h>

#include "daemon/options-bus.h"
#include "daemon/value.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"
#include "protocol/limits.h"
#include "protocol/pin.h"
#include "protocol/text.h"

#define NEUTRAL_TITLE "Shared credential"
#define RELAY_PATH "/v1/t/{tigress_location}"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgKeyringJob *job;

        const TgVertical *vertical;
        TgValue *content_value;
        TgSecret *content;
        char *credential_id; /* of Credential.Share */
        char *item_path;
        GHashTable *attributes;
        char *label;
        char *content_type;

        char *title;
        char *description;
        char *image_url;
        char *relay;
        char *kind;
        char *transport;
        char *template;
        char *letter;
        guint expires_in;
        guint pin_digits;
        gboolean is_compat;
        gboolean has_pin; /* -1: not said */
        gboolean has_public_title;
        gboolean does_wait;
} TgCreate;

static void content_read(TgSecret *secret, const GError *error, gpointer user_data);
static void item_read(TgSecret *secret,
                      const char *label,
                      const char *content_type,
                      const GError *error,
                      gpointer user_data);
static void begin(TgCreate *self);

static void
free_create(gpointer data)
{
        TgCreate *self = data;

        g_clear_pointer(&self->read, tg_value_read_cancel);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->call, tg_call_unref);
        g_clear_pointer(&self->content_value, tg_value_free);
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->attributes, g_hash_table_unref);
        g_free(self->credential_id);
        g_free(self->item_path);
        g_free(self->label);
        g_free(self->content_type);
        g_free(self->title);
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

/* ---- arguments ---- */

static gboolean
read_credential(TgCreate *self, sd_bus_message *message, GError **error)
{
        const TgOption content_keys[] = {
                {"content", TG_OPTION_VALUE, &self->content_value, TG_MAX_CONTENT_BYTES},
                {NULL,      0,               NULL,                 0                   },
        };
        const TgOption item_keys[] = {
                {"item",       TG_OPTION_PATH,       &self->item_path,  0},
                {"attributes", TG_OPTION_DICTIONARY, &self->attributes, 0},
                {NULL,         0,                    NULL,              0},
        };

        if (self->vertical->source == TG_SOURCE_CONTENT) {
                if (!tg_options_read(message, content_keys, error))
                        return FALSE;
                if (self->content_value == NULL) {
                        tg_set_error(error, TG_ERROR_INVALID, "the key \"content\" is missing");
                        return FALSE;
                }
                return TRUE;
        }

        if (!tg_options_read(message, item_keys, error))
                return FALSE;
        if ((self->item_path == NULL) == (self->attributes == NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "one of the keys \"item\" and \"attributes\" is needed");
                return FALSE;
        }
        if (self->attributes != NULL && g_hash_table_size(self->attributes) == 0) {
                tg_set_error(error, TG_ERROR_INVALID, "\"attributes\" is empty");
                return FALSE;
        }
        return TRUE;
}

static gboolean
read_options(TgCreate *self, sd_bus_message *message, GError **error)
{
        const TgOption keys[] = {
                {"title",           TG_OPTION_TEXT,   &self->title,            TG_MAX_TITLE_BYTES      },
                {"description",     TG_OPTION_TEXT,   &self->description,      TG_MAX_DESCRIPTION_BYTES},
                {"image-url",       TG_OPTION_WORD,   &self->image_url,        TG_MAX_IMAGE_URL_BYTES  },
                {"relay",           TG_OPTION_WORD,   &self->relay,            TG_MAX_LINK_CHARS       },
                {"expires-in",      TG_OPTION_NUMBER, &self->expires_in,       0                       },
                {"kind",            TG_OPTION_WORD,   &self->kind,             16                      },
                {"compat",          TG_OPTION_FLAG,   &self->is_compat,        0                       },
                {"pin",             TG_OPTION_FLAG,   &self->has_pin,          0                       },
                {"pin-digits",      TG_OPTION_NUMBER, &self->pin_digits,       0                       },
                {"transport",       TG_OPTION_WORD,   &self->transport,        16                      },
                {"template",        TG_OPTION_WORD,   &self->template,         TG_MAX_LINK_CHARS       },
                {"public-title",    TG_OPTION_FLAG,   &self->has_public_title, 0                       },
                {"vertical-letter", TG_OPTION_WORD,   &self->letter,           1                       },
                {"wait",            TG_OPTION_FLAG,   &self->does_wait,        0                       },
                {NULL,              0,                NULL,                    0                       },
        };

        self->expires_in = TG_DEFAULT_LIFE_S;
        self->has_pin = -1;
        return tg_options_read(message, keys, error);
}

static gboolean
check_relay(TgCreate *self, GError **error)
{
        TgSettings *settings = tg_manager_wallet(self->bus->manager)->settings;
        g_autofree char *origin = NULL;

        if (self->relay == NULL) {
                self->relay = g_strdup(tg_settings_relay(settings));
                if (self->relay != NULL)
                        return TRUE;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "no relay is configured: name one with the option \"relay\", or run "
                             "`tigressctl relays add --default https://RELAY`");
                return FALSE;
        }

        origin = tg_origin_parse(self->relay, FALSE, error);
        if (origin == NULL)
                return FALSE;
        if (!tg_settings_is_trusted(settings, origin)) {
                tg_set_error(error,
                             TG_ERROR_UNTRUSTED_RELAY,
                             "the relay %s is not trusted: run `tigressctl relays add %s` if you "
                             "want to trust it",
                             origin,
                             origin);
                return FALSE;
        }
        g_free(self->relay);
        self->relay = g_steal_pointer(&origin);
        return TRUE;
}

static gboolean
is_drop(const TgCreate *self)
{
        return self->transport != NULL && g_str_equal(self->transport, "tdch");
}

/* Requests go where the template says: it stands for the relay. */
static gboolean
check_transport(TgCreate *self, GError **error)
{
        g_autofree char *origin = NULL;
        g_autofree char *named = NULL;

        if (self->transport != NULL && !is_drop(self) && !g_str_equal(self->transport, "mailbox")) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the transports are \"mailbox\" and \"tdch\"");
                return FALSE;
        }
        if (is_drop(self) && self->has_public_title) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "over plain HTTP no title is shown in public: leave out "
                             "\"public-title\"");
                return FALSE;
        }
        if (is_drop(self) && self->letter != NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a link over plain HTTP has no letter: leave out "
                             "\"vertical-letter\"");
                return FALSE;
        }
        if (self->template == NULL)
                return TRUE;
        if (!is_drop(self)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a \"template\" goes with \"transport\" \"tdch\" only");
                return FALSE;
        }
        origin = strlen(self->template) <= TG_MAX_TEMPLATE_CHARS
                         ? tg_template_origin(self->template, NULL)
                         : NULL;
        if (origin == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"template\" must be an https address with {tigress_location} once "
                             "in its path or query, of at most %d characters",
                             TG_MAX_TEMPLATE_CHARS);
                return FALSE;
        }
        named = self->relay != NULL ? tg_origin_parse(self->relay, FALSE, error) : NULL;
        if (self->relay != NULL && named == NULL)
                return FALSE;
        if (named != NULL && !g_str_equal(named, origin)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"relay\" and \"template\" name two servers: leave out \"relay\"");
                return FALSE;
        }
        g_free(self->relay);
        self->relay = g_steal_pointer(&origin);
        return TRUE;
}

static TgPinRule
pin_rule(const TgCreate *self)
{
        TgSettings *settings = tg_manager_wallet(self->bus->manager)->settings;

        if (tg_settings_requires_pin(settings, self->vertical->format))
                return TG_PIN_REQUIRED;
        return tg_vertical_pin_rule(self->vertical,
                                    self->kind != NULL ? self->kind : self->vertical->kinds[0]);
}

/* The user may raise what the format says, and never lower it below what it requires. */
static gboolean
check_pin(TgCreate *self, GError **error)
{
        TgPinRule rule = pin_rule(self);
        gboolean is_refused = self->has_pin == FALSE || self->is_compat;

        if (rule == TG_PIN_REQUIRED && is_refused) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this kind of credential is shared with a PIN only: leave out %s",
                             self->is_compat ? "\"compat\"" : "\"pin\"");
                return FALSE;
        }
        if (is_refused && (self->has_pin == TRUE || self->pin_digits != 0)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             self->is_compat ? "a link for other wallets cannot have a PIN: leave "
                                               "out \"compat\" or the PIN"
                                             : "a share without a PIN has no \"pin-digits\"");
                return FALSE;
        }
        if (self->pin_digits != 0 &&
            (self->pin_digits < TG_PIN_MIN_DIGITS || self->pin_digits > TG_PIN_MAX_DIGITS)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"pin-digits\" must be between %d and %d",
                             TG_PIN_MIN_DIGITS,
                             TG_PIN_MAX_DIGITS);
                return FALSE;
        }

        if (self->pin_digits == 0 && !is_refused &&
            (self->has_pin == TRUE || rule != TG_PIN_OPTIONAL))
                self->pin_digits = TG_PIN_DEFAULT_DIGITS;
        if (self->pin_digits != 0 && self->expires_in > TG_MAX_PIN_LIFE_S) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"expires-in\" must be at most %d seconds with a PIN",
                             TG_MAX_PIN_LIFE_S);
                return FALSE;
        }
        return TRUE;
}

static gboolean
check_options(TgCreate *self, GError **error)
{
        if (self->expires_in < TG_MIN_LIFE_S || self->expires_in > TG_MAX_LIFE_S) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"expires-in\" must be between %d and %d seconds",
                             TG_MIN_LIFE_S,
                             TG_MAX_LIFE_S);
                return FALSE;
        }
        if (self->kind != NULL && !tg_vertical_has_kind(self->vertical, self->kind)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the format %s is not of kind \"%s\"",
                             self->vertical->format,
                             self->kind);
                return FALSE;
        }
        if (self->letter != NULL &&
            (self->letter[0] != self->vertical->letter || self->letter[1] != '\0')) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the letter of the format %s is \"%c\"",
                             self->vertical->format,
                             self->vertical->letter);
                return FALSE;
        }
        if (self->image_url != NULL && self->image_url[0] != '\0' &&
            !g_str_has_prefix(self->image_url, "https://")) {
                tg_set_error(error, TG_ERROR_INVALID, "\"image-url\" must begin with https://");
                return FALSE;
        }
        return check_pin(self, error) && check_transport(self, error) && check_relay(self, error);
}

static TgCreate *
new_create(TgWalletBus *bus, sd_bus_message *message, const char *format, GError **error)
{
        g_autoptr(TgCreate) self = g_new0(TgCreate, 1);

        self->bus = bus;
        self->vertical = tg_vertical_find(format);
        if (self->vertical == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the format is not known: the property Formats lists those that are");
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
        if (!read_credential(self, message, &refused) || !read_options(self, message, &refused) ||
            !check_options(self, &refused) ||
            !tg_call_hold(self->call, tg_value_room(self->content_value), &refused)) {
                tg_call_fail(self->call, refused);
                return 1;
        }

        create = g_steal_pointer(&self);
        tg_pending_add(bus, create, free_create);
        if (create->content_value != NULL)
                create->read = tg_value_read(
                        g_steal_pointer(&create->content_value), content_read, create);
        else
                content_read(NULL, NULL, create);
        return 1;
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
                begin(self);
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

        self->job = NULL;
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
        begin(self);
}

/* ---- the share ---- */

/* What cannot travel is said before the user is asked. */
static gboolean
can_travel(TgCreate *self, GError **error)
{
        g_autoptr(TgSecret) encoded = NULL;

        if (self->content == NULL)
                return TRUE;
        encoded = self->vertical->encode(self->content, self->label, self->content_type, error);
        return encoded != NULL;
}

static gsize
content_size(const TgCreate *self)
{
        return self->content != NULL ? tg_secret_size(self->content) : 0;
}

static const char *
title_of(const TgCreate *self)
{
        if (self->title != NULL && self->title[0] != '\0')
                return self->title;
        /* Of an item that is still to be read the label is not known yet. */
        if (self->vertical->source == TG_SOURCE_ITEM)
                return self->label != NULL ? self->label : "";
        return NEUTRAL_TITLE;
}

static void
begin(TgCreate *self)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *title = NULL;
        TgCaller *caller = tg_call_caller(self->call);
        TgShare *share;

        /* It stays until somebody has decided. */
        if (!can_travel(self, &error) || !tg_call_hold(self->call, content_size(self), &error) ||
            !tg_authority_has_room(self->bus->authority, caller, &error)) {
                finish(self, error);
                return;
        }

        title = tg_text_clean(title_of(self), -1, TG_MAX_TITLE_BYTES);
        /* Where the relay, as ours does, has a place for messages of this kind. */
        if (is_drop(self) && self->template == NULL)
                self->template = g_strconcat(self->relay, RELAY_PATH, NULL);
        TgShareOffer offer = {
                .vertical = self->vertical,
                .kind = self->kind != NULL ? self->kind : self->vertical->kinds[0],
                .content = self->content,
                .item_path = self->item_path,
                .attributes = self->attributes,
                .label = self->label,
                .content_type = self->content_type,
                .title = title,
                .description = self->description != NULL ? self->description : "",
                .image_url = self->image_url,
                .relay = self->relay,
                .template = is_drop(self) ? self->template : NULL,
                .life_s = self->expires_in,
                .is_compat = self->is_compat,
                .pin_digits = self->pin_digits,
                .has_public_title = self->has_public_title,
                .letter = self->letter != NULL ? self->letter[0] : 0,
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
        if (self == NULL)
                return tg_reply_error(message, refused);
        if (!read_options(self, message, &refused) || !check_options(self, &refused)) {
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
