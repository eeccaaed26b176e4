/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/share-request.h"

#include <string.h>
#include <unistd.h>

#include "cli/object.h"
#include "cli/output.h"
#include "cli/secret-input.h"
#include "cli/terminal.h"
#include "cli/times.h"
#include "cli/wallet.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pin.h"

static const char *
format_of(const TgShareRequest *self)
{
        if (self->format)
                return self->format;
        if (self->terms.connection)
                return TG_FORMAT_WIFI;
        if (tg_terms_are_given(&self->terms))
                return TG_FORMAT_SSH;
        return self->item || self->attributes ? TG_FORMAT_ITEM : TG_FORMAT_TOKEN;
}

static gboolean
is_item(const TgShareRequest *self)
{
        return strcmp(format_of(self), TG_FORMAT_ITEM) == 0;
}

/* Nothing is handed over: the wallet makes it, or knows where it is. */
static gboolean
is_made(const TgShareRequest *self)
{
        return tg_terms_are_given(&self->terms) || strcmp(format_of(self), TG_FORMAT_SSH) == 0 ||
               strcmp(format_of(self), TG_FORMAT_X509) == 0;
}

static gboolean
is_lent(const TgShareRequest *self)
{
        return is_made(self) && strcmp(format_of(self), TG_FORMAT_WIFI) != 0;
}

gboolean
tg_share_request_has_source(const TgShareRequest *self)
{
        return self->item || self->attributes || self->credential || self->content_file ||
               self->content_fd || self->content_stdin || is_made(self);
}

static gboolean
check_sources(const TgShareRequest *self, GError **error)
{
        gboolean has_content = self->content_file || self->content_fd || self->content_stdin;
        guint n_sources = (self->item != NULL) + (self->attributes != NULL) +
                          (self->credential != NULL) + (self->content_file != NULL) +
                          (self->content_fd != NULL) + (self->content_stdin ? 1 : 0) +
                          (is_made(self) ? 1 : 0);

        if (n_sources > 1) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "one thing is shared at a time\ngive one of -, --content-file, "
                             "--content-fd, --item, --attribute, --credential, --wifi, or the "
                             "terms of what is lent");
                return FALSE;
        }
        if (self->credential && self->format) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "an accepted credential has its format\nleave out --format");
                return FALSE;
        }
        if (has_content && is_item(self)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the format %s takes an item of the keyring\nname it: --item PATH, or "
                             "--attribute NAME=VALUE",
                             format_of(self));
                return FALSE;
        }
        if ((self->item || self->attributes) && !is_item(self)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "an item of the keyring has a format of its own\nleave out --format");
                return FALSE;
        }

        return TRUE;
}

static gboolean
check_pin(const TgShareRequest *self, GError **error)
{
        gboolean has_pin = self->with_pin || self->pin_digits || self->pin_output;
        guint64 n_digits;

        if (self->without_pin && has_pin) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--no-pin does not go together with --pin, --pin-digits and "
                             "--pin-output\ngive one or the others");
                return FALSE;
        }
        if (self->is_compat && has_pin) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "other wallets do not know the PIN: --compat does not go together "
                             "with --pin, --pin-digits and --pin-output\ngive one or the others");
                return FALSE;
        }
        if (self->pin_digits &&
            !g_ascii_string_to_unsigned(
                    self->pin_digits, 10, TG_PIN_MIN_DIGITS, TG_PIN_MAX_DIGITS, &n_digits, NULL)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--pin-digits: a PIN has %d to %d digits, one of which checks the "
                             "others",
                             TG_PIN_MIN_DIGITS,
                             TG_PIN_MAX_DIGITS);
                return FALSE;
        }

        return TRUE;
}

static gboolean
check_transport(const TgShareRequest *self, GError **error)
{
        gboolean is_drop = g_strcmp0(self->transport, "tdch") == 0;

        if (self->transport && !is_drop && strcmp(self->transport, "mailbox") != 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is no such transport\ngive --transport mailbox or tdch");
                return FALSE;
        }
        if (self->template && !is_drop) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--template is for plain HTTP\ngive --transport tdch with it");
                return FALSE;
        }

        return TRUE;
}

gboolean
tg_share_request_check(const TgShareRequest *self, GError **error)
{
        guint32 seconds;

        if (!check_sources(self, error) || !check_pin(self, error) ||
            !tg_terms_check(&self->terms, error))
                return FALSE;
        if (!check_transport(self, error) || !tg_share_limits_check(&self->limits, error))
                return FALSE;
        if (self->expires_in && !tg_times_parse_duration(self->expires_in, &seconds, error)) {
                g_prefix_error(error, "--expires-in: ");
                return FALSE;
        }
        if (self->item && !g_variant_is_object_path(self->item)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--item wants an item's path on the bus\nor say by what it is found: "
                             "--attribute NAME=VALUE");
                return FALSE;
        }
        if (self->travel && !is_item(self) && !self->credential) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--travel names attributes of an item of the keyring\nsay which "
                             "item: --attribute NAME=VALUE");
                return FALSE;
        }
        for (guint i = 0; self->attributes && i < self->attributes->len; i++) {
                if (strchr(g_ptr_array_index(self->attributes, i), '='))
                        continue;
                tg_set_error(error, TG_ERROR_INVALID, "--attribute wants NAME=VALUE");
                return FALSE;
        }

        return TRUE;
}

static char *
ask(TgShareRequest *self, const char *question, const char *preset, GError **error)
{
        char *answer = tg_terminal_ask(question, preset, error);

        if (!answer)
                return NULL;
        if (!self->answers)
                self->answers = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(self->answers, answer);

        return answer;
}

static gboolean
ask_source(TgShareRequest *self, GError **error)
{
        const char *answer;

        if (tg_share_request_has_source(self))
                return TRUE;
        if (!self->format) {
                tg_output_say("What do you want to share?");
                tg_output_say("  1  a token, password or other text that you type or paste now");
                tg_output_say("  2  what a file holds");
                tg_output_say("  3  an item of your keyring");
                do
                        answer = ask(self, "1, 2 or 3 [1]: ", "1", error);
                while (answer && !(strlen(answer) == 1 && *answer >= '1' && *answer <= '3'));
        } else {
                answer = is_item(self) ? "3" : "1";
        }
        if (!answer)
                return FALSE;

        if (*answer == '2') {
                self->content_file = ask(self, "File: ", NULL, error);
                return self->content_file != NULL;
        }
        if (*answer == '3') {
                answer = ask(self, "Attribute that finds the item (NAME=VALUE): ", NULL, error);
                if (!answer)
                        return FALSE;
                self->attributes = g_ptr_array_new();
                g_ptr_array_add(self->attributes, (gpointer)answer);
        }

        return TRUE;
}

gboolean
tg_share_request_ask(TgShareRequest *self, GError **error)
{
        if (!ask_source(self, error))
                return FALSE;
        if (!self->title)
                self->title = ask(self, "Title, for the recipient to read: ", "", error);
        if (!self->title)
                return FALSE;
        if (!self->expires_in)
                self->expires_in = ask(self,
                                       "How long may it be accepted (90s, 30m, 24h, 7d) [24h]: ",
                                       "24h",
                                       error);
        if (!self->expires_in)
                return FALSE;

        return tg_share_request_check(self, error);
}

static void
note_line_feed(const TgSecret *content)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(content, &n_bytes);

        if (bytes[n_bytes - 1] == '\n' && !memchr(bytes, '\n', n_bytes - 1))
                tg_output_note("the line feed at the end of the content is shared as well");
}

gboolean
tg_share_request_read(TgShareRequest *self, GError **error)
{
        const gsize max_bytes = TG_MAX_CONTENT_BYTES;
        gboolean is_typed = FALSE;

        if (self->item || self->attributes || self->credential || is_made(self))
                return TRUE;

        if (self->content_file) {
                self->content =
                        tg_secret_input_read_file(self->content_file, "content", max_bytes, error);
        } else if (self->content_fd) {
                self->content =
                        tg_secret_input_read_number(self->content_fd, "content", max_bytes, error);
        } else if (self->content_stdin && !isatty(STDIN_FILENO)) {
                self->content = tg_secret_input_read(STDIN_FILENO, "content", max_bytes, error);
        } else {
                is_typed = TRUE;
                self->content = tg_terminal_ask_secret("Content (it is not shown): ", error);
        }
        if (self->content && !is_typed)
                note_line_feed(self->content);

        return self->content != NULL;
}

/* What is shared on keeps its format. */
static gboolean
find_rule(const TgShareRequest *self, TgClient *client, TgWalletPin *ret_rule, GError **error)
{
        g_autoptr(TgObject) credential = NULL;
        const char *format = format_of(self);

        if (self->credential) {
                credential = tg_object_find(client, TG_OBJECT_CREDENTIAL, self->credential, error);
                if (!credential)
                        return FALSE;
                format = tg_object_text(credential, "Format");
        }

        return tg_wallet_pin_rule(client, format, self->kind, ret_rule, error);
}

static gboolean
decide(TgShareRequest *self,
       TgClient *client,
       gboolean is_guided,
       TgProtection *ret_protection,
       GError **error)
{
        TgWalletPin rule;
        gboolean has_pin = self->with_pin || self->pin_digits || self->pin_output;

        *ret_protection = self->is_compat ? TG_PROTECTION_COMPAT
                          : has_pin       ? TG_PROTECTION_PIN
                                          : TG_PROTECTION_LINK;
        if (self->is_compat || has_pin || self->without_pin)
                return TRUE;

        if (!find_rule(self, client, &rule, error))
                return FALSE;
        self->with_pin = rule != TG_WALLET_PIN_OPTIONAL;
        if (is_guided && rule != TG_WALLET_PIN_REQUIRED) {
                if (!tg_terminal_confirm("Protect it with a PIN too, which you tell the recipient "
                                         "by telephone?",
                                         self->with_pin,
                                         &self->with_pin,
                                         error))
                        return FALSE;
                self->without_pin = !self->with_pin;
        }
        if (self->with_pin)
                *ret_protection = TG_PROTECTION_PIN;

        return TRUE;
}

gboolean
tg_share_request_protect(TgShareRequest *self,
                         TgClient *client,
                         gboolean is_guided,
                         TgProtection *ret_protection,
                         GError **error)
{
        guint32 seconds;

        if (!decide(self, client, is_guided, ret_protection, error))
                return FALSE;
        if (*ret_protection != TG_PROTECTION_PIN || !self->expires_in ||
            !tg_times_parse_duration(self->expires_in, &seconds, NULL) ||
            seconds <= TG_MAX_PIN_LIFE_S)
                return TRUE;

        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "a share with a PIN lasts 2 days at most\nshorten it: --expires-in 2d; or "
                     "give --no-pin");
        return FALSE;
}

static void
explain_protection(const TgShareRequest *self, TgProtection protection)
{
        if (protection == TG_PROTECTION_PIN) {
                tg_output_say("  - you get a link and a PIN. The link alone opens nothing: send it "
                              "as you like,");
                tg_output_say("    and tell the recipient the PIN by telephone or in person. Three "
                              "wrong PINs");
                tg_output_say("    end the share.%s",
                              is_lent(self) ? "" : " What the recipient has cannot be taken back.");
                return;
        }

        tg_output_say("  - you get a link: whoever opens it first gets %s, so send it by a way",
                      is_lent(self) ? "it" : "a copy");
        tg_output_say("    that only the recipient reads.%s",
                      is_lent(self) ? "" : " A copy cannot be taken back.");
        if (protection == TG_PROTECTION_LINK)
                return;
        tg_output_say("  - that other wallets understand the link (--compat) costs this: no PIN; "
                      "whoever");
        tg_output_say(
                "    gets the link later can read the content with what the relay has kept; and");
        tg_output_say(
                "    whoever learns the address alone, the part before '#', can block the link.");
}

void
tg_share_request_explain(const TgShareRequest *self,
                         TgProtection protection,
                         const char *preset_relay)
{
        guint32 seconds = TG_DEFAULT_LIFE_S;
        g_autofree char *length = NULL;
        const char *relay = self->relay ? self->relay : preset_relay;
        gboolean has_title = self->title && *self->title;
        g_autofree char *what = NULL;

        if (self->expires_in)
                (void)tg_times_parse_duration(self->expires_in, &seconds, NULL);
        length = tg_times_duration(seconds);
        what = has_title ? g_strdup_printf("\"%s\"", self->title)
                         : g_strdup(self->credential ? "the credential"
                                    : is_item(self)  ? "the item of your keyring"
                                    : is_lent(self)  ? "what you lend"
                                    : is_made(self)  ? "the Wi-Fi network"
                                                     : "the content");

        tg_output_say("This is what happens when you agree:");
        if (protection == TG_PROTECTION_COMPAT) {
                tg_output_say("  - %s is encrypted and left with %s for at most %s;",
                              what,
                              relay ? relay : "your relay",
                              length);
        } else {
                tg_output_say("  - %s goes to the recipient, encrypted, through %s,",
                              what,
                              relay ? relay : "your relay");
                tg_output_say("    within at most %s; your wallet has to be running when he opens "
                              "the link;",
                              length);
        }
        for (guint i = 0; self->travel && i < self->travel->len; i++)
                tg_output_say("  - its attribute \"%s\" goes with it;",
                              (const char *)g_ptr_array_index(self->travel, i));
        explain_protection(self, protection);
        if (is_lent(self)) {
                tg_output_say("  - what is lent, for a key that the recipient makes:");
                tg_terms_explain(&self->terms);
                tg_output_say("    You can take it back: tigressctl revoke.");
        } else if (is_made(self)) {
                tg_output_say("  - what is copied:");
                tg_terms_explain(&self->terms);
        }
        tg_share_limits_explain(&self->limits);
        if (self->is_public && has_title)
                tg_output_say(
                        "  - title and description can be read by the relay (--public-title).");
}

static void
add_text(GVariantBuilder *values, const char *name, const char *text)
{
        if (text && *text)
                g_variant_builder_add(values, "{sv}", name, g_variant_new_string(text));
}

static void
add_flag(GVariantBuilder *values, const char *name, gboolean flag)
{
        if (flag)
                g_variant_builder_add(values, "{sv}", name, g_variant_new_boolean(TRUE));
}

static GVariant *
build_options(const TgShareRequest *self)
{
        GVariantBuilder values = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        guint32 seconds;

        add_text(&values, "title", self->title);
        add_text(&values, "to", self->person);
        add_text(&values, "description", self->description);
        add_text(&values, "image-url", self->image_url);
        add_text(&values, "relay", self->relay);
        add_text(&values, "transport", self->transport);
        add_text(&values, "template", self->template);
        add_text(&values, "kind", self->kind);
        add_text(&values, "vertical-letter", self->vertical_letter);
        if (self->travel)
                g_variant_builder_add(&values,
                                      "{sv}",
                                      "travel",
                                      g_variant_new_strv((const char *const *)self->travel->pdata,
                                                         (gssize)self->travel->len));
        add_flag(&values, "compat", self->is_compat);
        add_flag(&values, "public-title", self->is_public);
        if (self->with_pin || self->pin_output || self->pin_digits || self->without_pin)
                g_variant_builder_add(
                        &values, "{sv}", "pin", g_variant_new_boolean(!self->without_pin));
        if (self->pin_digits)
                g_variant_builder_add(&values,
                                      "{sv}",
                                      "pin-digits",
                                      g_variant_new_uint32((guint32)g_ascii_strtoull(
                                              self->pin_digits, NULL, 10)));
        tg_share_limits_add(&self->limits, &values);
        add_flag(&values, "wait", TRUE);
        if (self->expires_in && tg_times_parse_duration(self->expires_in, &seconds, NULL))
                g_variant_builder_add(&values, "{sv}", "expires-in", g_variant_new_uint32(seconds));

        return g_variant_builder_end(&values);
}

static GVariant *
build_attributes(const TgShareRequest *self)
{
        GVariantBuilder pairs = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));

        for (guint i = 0; i < self->attributes->len; i++) {
                g_auto(GStrv) pair = g_strsplit(g_ptr_array_index(self->attributes, i), "=", 2);

                g_variant_builder_add(&pairs, "{ss}", pair[0], pair[1]);
        }

        return g_variant_builder_end(&pairs);
}

static GVariant *
build_credential(const TgShareRequest *self)
{
        GVariantBuilder values = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (is_made(self)) {
                g_variant_builder_clear(&values);
                return tg_terms_build(&self->terms);
        }
        if (self->item)
                g_variant_builder_add(
                        &values, "{sv}", "item", g_variant_new_object_path(self->item));
        if (self->attributes)
                g_variant_builder_add(&values, "{sv}", "attributes", build_attributes(self));
        if (self->content)
                g_variant_builder_add(&values, "{sv}", "content", g_variant_new_handle(0));

        return g_variant_builder_end(&values);
}

char *
tg_share_request_send(const TgShareRequest *self, TgClient *client, GError **error)
{
        TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "CreateShare",
                .kind = TG_CALL_ASKS,
        };
        g_autoptr(TgObject) credential = NULL;
        g_autoptr(GVariant) reply = NULL;
        char *path = NULL;
        int fd = -1;

        if (self->content) {
                fd = tg_secret_input_to_memfd(self->content, error);
                if (fd < 0)
                        return NULL;
                call.fds = &fd;
                call.n_fds = 1;
        }
        if (self->credential) {
                credential = tg_object_find(client, TG_OBJECT_CREDENTIAL, self->credential, error);
                if (!credential)
                        return NULL;
                call.path = credential->path;
                call.interface = TG_CREDENTIAL_INTERFACE;
                call.method = "Share";
                call.arguments = g_variant_new("(@a{sv})", build_options(self));
        } else {
                call.arguments = g_variant_new("(s@a{sv}@a{sv})",
                                               format_of(self),
                                               build_credential(self),
                                               build_options(self));
        }

        reply = tg_client_call(client, &call, error);
        if (fd >= 0)
                close(fd);
        if (reply)
                g_variant_get(reply, "(o)", &path);

        return path;
}

void
tg_share_request_clear(TgShareRequest *self)
{
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->answers, g_ptr_array_unref);
        g_clear_pointer(&self->attributes, g_ptr_array_unref);
        g_clear_pointer(&self->travel, g_ptr_array_unref);
        g_clear_pointer(&self->terms.principals, g_ptr_array_unref);
        g_clear_pointer(&self->terms.more, g_ptr_array_unref);
}
