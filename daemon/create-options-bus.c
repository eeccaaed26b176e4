/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The dictionaries of CreateShare and Credential.Share. */

#include <string.h>

#include "daemon/attributes.h"
#include "daemon/clock.h"
#include "daemon/create-bus.h"
#include "daemon/terms-bus.h"
#include "protocol/limits.h"
#include "protocol/pin.h"
#include "protocol/text.h"

/* Leaves @message as it was, behind the name of the format. */
static gboolean
has_content(sd_bus_message *message)
{
        const char *key;
        gboolean is_there = FALSE;

        if (sd_bus_message_enter_container(message, 'a', "{sv}") >= 0)
                while (!is_there && sd_bus_message_enter_container(message, 'e', "sv") > 0 &&
                       sd_bus_message_read(message, "s", &key) > 0 &&
                       sd_bus_message_skip(message, "v") >= 0 &&
                       sd_bus_message_exit_container(message) >= 0)
                        is_there = g_str_equal(key, "content");
        sd_bus_message_rewind(message, 1);
        sd_bus_message_skip(message, "s");
        return is_there;
}

gboolean
tg_create_read_credential(TgCreate *self, sd_bus_message *message, GError **error)
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

        if (self->vertical->source == TG_SOURCE_TERMS ||
            (self->vertical->terms != NULL && !has_content(message))) {
                self->terms = tg_terms_read(
                        message, self->vertical->terms, tg_call_caller(self->call), error);
                return self->terms != NULL;
        }

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

gboolean
tg_create_read_options(TgCreate *self, sd_bus_message *message, GError **error)
{
        const TgOption keys[] = {
                {"title",           TG_OPTION_TEXT,   &self->title,               TG_MAX_TITLE_BYTES      },
                {"to",              TG_OPTION_TEXT,   &self->person,              TG_MAX_PERSON_BYTES     },
                {"description",     TG_OPTION_TEXT,   &self->description,         TG_MAX_DESCRIPTION_BYTES},
                {"image-url",       TG_OPTION_WORD,   &self->image_url,           TG_MAX_IMAGE_URL_BYTES  },
                {"relay",           TG_OPTION_WORD,   &self->relay,               TG_MAX_LINK_CHARS       },
                {"expires-in",      TG_OPTION_NUMBER, &self->expires_in,          0                       },
                {"not-before",      TG_OPTION_TIME,   &self->bounds.not_before_s, 0                       },
                {"not-after",       TG_OPTION_TIME,   &self->bounds.not_after_s,  0                       },
                {"uses",            TG_OPTION_NUMBER, &self->n_uses,              0                       },
                {"reshare",         TG_OPTION_FLAG,   &self->may_reshare,         0                       },
                {"kind",            TG_OPTION_WORD,   &self->kind,                16                      },
                {"compat",          TG_OPTION_FLAG,   &self->is_compat,           0                       },
                {"pin",             TG_OPTION_FLAG,   &self->has_pin,             0                       },
                {"pin-digits",      TG_OPTION_NUMBER, &self->pin_digits,          0                       },
                {"transport",       TG_OPTION_WORD,   &self->transport,           16                      },
                {"template",        TG_OPTION_WORD,   &self->template,            TG_MAX_LINK_CHARS       },
                {"public-title",    TG_OPTION_FLAG,   &self->has_public_title,    0                       },
                {"vertical-letter", TG_OPTION_WORD,   &self->letter,              1                       },
                {"wait",            TG_OPTION_FLAG,   &self->does_wait,           0                       },
                {"travel",          TG_OPTION_LIST,   &self->travel,              TG_MAX_ATTRIBUTES       },
                {NULL,              0,                NULL,                       0                       },
        };

        self->expires_in = TG_DEFAULT_LIFE_S;
        self->has_pin = -1;
        self->n_uses = G_MAXUINT;
        self->may_reshare = TRUE;
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

gboolean
tg_create_is_drop(const TgCreate *self)
{
        return self->transport != NULL && g_str_equal(self->transport, "tdch");
}

/* Requests go where the template says: it stands for the relay. */
static gboolean
check_transport(TgCreate *self, GError **error)
{
        g_autofree char *origin = NULL;
        g_autofree char *named = NULL;

        if (self->transport != NULL && !tg_create_is_drop(self) &&
            !g_str_equal(self->transport, "mailbox")) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the transports are \"mailbox\" and \"tdch\"");
                return FALSE;
        }
        if (tg_create_is_drop(self) && self->has_public_title) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "over plain HTTP no title is shown in public: leave out "
                             "\"public-title\"");
                return FALSE;
        }
        if (tg_create_is_drop(self) && self->letter != NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a link over plain HTTP has no letter: leave out "
                             "\"vertical-letter\"");
                return FALSE;
        }
        if (self->template == NULL)
                return TRUE;
        if (!tg_create_is_drop(self)) {
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

/* The user may raise what the format says, and never lower it below what it requires. */
static gboolean
check_pin(TgCreate *self, GError **error)
{
        TgSettings *settings = tg_manager_wallet(self->bus->manager)->settings;
        TgPinRule rule = tg_settings_pin_rule(settings, self->vertical, self->kind);
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

/* What would be over before anybody has it is a mistake. */
static gboolean
check_bounds(TgCreate *self, GError **error)
{
        TgBounds *bounds = &self->bounds;

        if (self->n_uses != G_MAXUINT && (self->n_uses == 0 || self->n_uses > TG_MAX_USES)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"uses\" must be between 1 and %d: leave it out for no limit",
                             TG_MAX_USES);
                return FALSE;
        }
        bounds->n_uses = self->n_uses != G_MAXUINT ? self->n_uses : 0;
        bounds->is_final = !self->may_reshare;
        if (bounds->not_after_s != 0 && bounds->not_after_s <= tg_clock_now_s()) {
                tg_set_error(error, TG_ERROR_INVALID, "\"not-after\" is over already");
                return FALSE;
        }
        return tg_bounds_check(bounds, error);
}

gboolean
tg_create_check_options(TgCreate *self, GError **error)
{
        if (self->expires_in < TG_MIN_LIFE_S || self->expires_in > TG_MAX_LIFE_S) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"expires-in\" must be between %d and %d seconds",
                             TG_MIN_LIFE_S,
                             TG_MAX_LIFE_S);
                return FALSE;
        }
        if (self->travel != NULL && self->vertical->source != TG_SOURCE_ITEM) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"travel\" names attributes of an item of the keyring");
                return FALSE;
        }
        if (self->travel != NULL &&
            !tg_attributes_check_names((const char *const *)self->travel, error))
                return FALSE;
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
        return check_bounds(self, error) && check_pin(self, error) &&
               check_transport(self, error) && check_relay(self, error);
}
