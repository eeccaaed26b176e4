/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/ssh-grant.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"
#include "protocol/text.h"

const char *const tg_ssh_permit_names[] = {
        "agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding", NULL};
const char *const tg_ssh_extensions[] = {"permit-agent-forwarding",
                                         "permit-port-forwarding",
                                         "permit-pty",
                                         "permit-user-rc",
                                         "permit-X11-forwarding",
                                         NULL};

void
tg_ssh_grant_clear(TgSshGrant *self)
{
        g_clear_pointer(&self->ca, g_free);
        g_clear_pointer(&self->principals, g_strfreev);
        g_clear_pointer(&self->key_id, g_free);
        g_clear_pointer(&self->source_address, g_free);
        g_clear_pointer(&self->force_command, g_free);
}

/* ---- its form ---- */

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

/* What stands between commas, and in a server's log. */
static gboolean
is_name(const char *text, gsize n_max)
{
        gsize n_bytes = strlen(text);

        if (n_bytes == 0 || n_bytes > n_max || text[0] == '-')
                return FALSE;
        for (gsize i = 0; i < n_bytes; i++)
                if (!g_ascii_isgraph(text[i]) || strchr(",*?!\"'\\`$;|&<>()", text[i]) != NULL)
                        return FALSE;
        return TRUE;
}

static gboolean
is_address_list(const char *text)
{
        gsize n_bytes = strlen(text);

        return n_bytes > 0 && n_bytes <= TG_SSH_MAX_ADDRESS_BYTES &&
               strspn(text, "0123456789abcdefABCDEF.:/,") == n_bytes;
}

gboolean
tg_ssh_grant_check(const TgSshGrant *self, GError **error)
{
        guint n_principals = self->principals != NULL ? g_strv_length(self->principals) : 0;
        g_autoptr(GBytes) blob = self->ca != NULL ? tg_ssh_key_blob(self->ca) : NULL;

        if (blob == NULL)
                return invalid(error, "the certificate authority's key is no public key");
        if (n_principals == 0 || n_principals > TG_SSH_MAX_PRINCIPALS)
                return invalid(error, "a certificate names 1 to 16 principals");
        for (guint i = 0; i < n_principals; i++)
                if (!is_name(self->principals[i], TG_SSH_MAX_NAME_BYTES))
                        return invalid(error,
                                       "a principal is a name of at most 64 plain characters "
                                       "without commas, quotes and wildcards");
        if (self->key_id == NULL || !is_name(self->key_id, TG_SSH_MAX_KEY_ID_BYTES))
                return invalid(error, "the key id is at most 128 plain characters without spaces");
        if (self->valid_after >= self->valid_before || self->valid_before > G_MAXUINT32)
                return invalid(error, "the certificate's end must be after its beginning");
        if (self->source_address != NULL && !is_address_list(self->source_address))
                return invalid(error, "the source address is a list of addresses or networks");
        if (self->force_command != NULL &&
            (self->force_command[0] == '\0' ||
             !tg_text_is_clean(self->force_command, TG_SSH_MAX_COMMAND_BYTES)))
                return invalid(error, "the forced command is one line of text");
        return TRUE;
}

gboolean
tg_ssh_grant_equal(const TgSshGrant *self, const TgSshGrant *other)
{
        return g_strcmp0(self->ca, other->ca) == 0 &&
               g_strv_equal((const char *const *)self->principals,
                            (const char *const *)other->principals) &&
               g_strcmp0(self->key_id, other->key_id) == 0 &&
               self->valid_after == other->valid_after &&
               self->valid_before == other->valid_before &&
               g_strcmp0(self->source_address, other->source_address) == 0 &&
               g_strcmp0(self->force_command, other->force_command) == 0 &&
               self->permits == other->permits;
}

/* ---- as it travels ---- */

static void
append_member(GString *json, const char *name, const char *text)
{
        if (text == NULL)
                return;
        g_string_append_printf(json, ",\"%s\":", name);
        tg_json_append_string(json, text);
}

static void
append_names(GString *json, const char *name, const char *const *names, guint bits)
{
        gboolean is_first = TRUE;

        g_string_append_printf(json, ",\"%s\":[", name);
        for (guint i = 0; names[i] != NULL; i++) {
                if ((bits & 1u << i) == 0)
                        continue;
                if (!is_first)
                        g_string_append_c(json, ',');
                tg_json_append_string(json, names[i]);
                is_first = FALSE;
        }
        g_string_append_c(json, ']');
}

void
tg_ssh_grant_append(const TgSshGrant *self, GString *json)
{
        g_string_append(json, "\"ca\":");
        tg_json_append_string(json, self->ca);
        append_names(json, "principals", (const char *const *)self->principals, G_MAXUINT);
        append_member(json, "keyId", self->key_id);
        g_string_append_printf(json,
                               ",\"validAfter\":%" G_GUINT64_FORMAT
                               ",\"validBefore\":%" G_GUINT64_FORMAT,
                               self->valid_after,
                               self->valid_before);
        append_member(json, "sourceAddress", self->source_address);
        append_member(json, "forceCommand", self->force_command);
        append_names(json, "permit", tg_ssh_permit_names, self->permits);
}

static gboolean
parse_time(const TgJson *object, const char *name, guint64 *ret_time_s)
{
        g_autofree char *text = NULL;
        TgJson value;

        if (!tg_json_get_typed(object, name, TG_JSON_NUMBER, &value))
                return FALSE;
        text = g_strndup(value.text, value.n_chars);
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, ret_time_s, NULL);
}

static GStrv
parse_names(const TgJson *object, const char *name)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        TgJsonIter iter;
        TgJson array;
        TgJson item;
        guint n_names = 0;

        if (!tg_json_get_typed(object, name, TG_JSON_ARRAY, &array))
                return NULL;
        tg_json_iter_init(&iter, &array);
        while (tg_json_iter_next(&iter, NULL, &item)) {
                g_autofree char *text = NULL;

                if (item.type != TG_JSON_STRING || ++n_names > TG_SSH_MAX_PRINCIPALS ||
                    tg_json_string_bytes(&item) > TG_SSH_MAX_NAME_BYTES)
                        return NULL;
                text = tg_json_dup_string(&item);
                g_strv_builder_add(names, text);
        }
        return g_strv_builder_end(names);
}

gboolean
tg_ssh_permits_of(const char *const *names, guint *ret_permits)
{
        *ret_permits = 0;
        for (guint i = 0; names[i] != NULL; i++) {
                guint bit = 0;

                while (tg_ssh_permit_names[bit] != NULL &&
                       !g_str_equal(tg_ssh_permit_names[bit], names[i]))
                        bit++;
                if (tg_ssh_permit_names[bit] == NULL)
                        return FALSE;
                *ret_permits |= 1u << bit;
        }
        return TRUE;
}

static gboolean
parse_permits(const TgJson *object, guint *ret_permits)
{
        g_auto(GStrv) names = parse_names(object, "permit");

        return names != NULL && tg_ssh_permits_of((const char *const *)names, ret_permits);
}

/* Absent is one thing, malformed another. */
static gboolean
parse_optional(const TgJson *object, const char *name, gsize n_max, char **ret_text)
{
        TgJson value;

        if (!tg_json_get(object, name, &value))
                return TRUE;
        *ret_text = tg_json_dup_text(object, name, n_max);
        return *ret_text != NULL;
}

gboolean
tg_ssh_grant_parse(const TgJson *object, TgSshGrant *ret_grant, GError **error)
{
        g_auto(TgSshGrant) grant = {
                .ca = tg_json_dup_text(object, "ca", TG_SSH_MAX_KEY_CHARS),
                .principals = parse_names(object, "principals"),
                .key_id = tg_json_dup_text(object, "keyId", TG_SSH_MAX_KEY_ID_BYTES),
        };

        if (!parse_time(object, "validAfter", &grant.valid_after) ||
            !parse_time(object, "validBefore", &grant.valid_before) ||
            !parse_permits(object, &grant.permits) ||
            !parse_optional(
                    object, "sourceAddress", TG_SSH_MAX_ADDRESS_BYTES, &grant.source_address) ||
            !parse_optional(object, "forceCommand", TG_SSH_MAX_COMMAND_BYTES, &grant.force_command))
                return invalid(error, "what is offered is malformed");
        if (!tg_ssh_grant_check(&grant, error))
                return FALSE;

        *ret_grant = grant;
        grant = (TgSshGrant){};
        return TRUE;
}

/* ---- for people ---- */

void
tg_ssh_grant_show(const TgSshGrant *self, TgStep *step)
{
        g_autofree char *fingerprint = tg_ssh_fingerprint(self->ca);
        g_autofree char *principals = g_strjoinv(", ", self->principals);
        g_autoptr(GString) permits = g_string_new(NULL);

        for (guint i = 0; tg_ssh_permit_names[i] != NULL; i++)
                if ((self->permits & 1u << i) != 0)
                        g_string_append_printf(permits,
                                               "%s%s",
                                               permits->len > 0 ? ", " : "",
                                               tg_ssh_permit_names[i]);

        tg_step_show(step, "Principals", principals);
        tg_step_show_time(step, "Valid from", self->valid_after);
        tg_step_show_time(step, "Valid until", self->valid_before);
        tg_step_set_over(step, self->valid_before);
        tg_step_show(step,
                     "Only from",
                     self->source_address != NULL ? self->source_address : "anywhere");
        tg_step_show(step,
                     "Only command",
                     self->force_command != NULL ? self->force_command : "any command");
        tg_step_show(step, "Permits", permits->len > 0 ? permits->str : "nothing more");
        tg_step_show(step, "Key id", self->key_id);
        tg_step_show(step, "Authority", fingerprint);
}

/* ---- public keys ---- */

char *
tg_ssh_key_of_line(const char *line)
{
        g_auto(GStrv) words = g_strsplit_set(line, " \t\r\n", 3);
        g_autofree char *key = NULL;
        g_autoptr(GBytes) blob = NULL;

        if (g_strv_length(words) < 2)
                return NULL;
        key = g_strjoin(" ", words[0], words[1], NULL);
        blob = tg_ssh_key_blob(key);
        return blob != NULL ? g_steal_pointer(&key) : NULL;
}

GBytes *
tg_ssh_key_blob(const char *key)
{
        const char *space = strchr(key, ' ');
        g_autofree guint8 *octets = NULL;
        gsize n_chars;
        gsize n_octets;
        gsize n_type;

        if (space == NULL || strlen(key) > TG_SSH_MAX_KEY_CHARS)
                return NULL;
        n_type = (gsize)(space - key);
        n_chars = strlen(space + 1);
        octets = g_malloc(tg_base64_decoded_room(n_chars) + 1);
        if (!tg_base64_decode(TG_BASE64_STANDARD, space + 1, n_chars, octets, &n_octets) ||
            n_octets < 4 + n_type || n_type > 255 || octets[0] != 0 || octets[1] != 0 ||
            octets[2] != 0 || octets[3] != n_type || memcmp(octets + 4, key, n_type) != 0)
                return NULL;
        return g_bytes_new(octets, n_octets);
}

char *
tg_ssh_fingerprint(const char *key)
{
        g_autoptr(GBytes) blob = tg_ssh_key_blob(key);
        g_autofree char *text = NULL;
        guint8 digest[TG_SHA256_BYTES];
        gsize n_bytes;
        const guint8 *bytes;

        if (blob == NULL)
                return g_strdup("");
        bytes = g_bytes_get_data(blob, &n_bytes);
        tg_sha256(bytes, n_bytes, digest);
        text = tg_base64_encode(TG_BASE64_STANDARD, digest, sizeof digest);
        g_strdelimit(text, "=", '\0'); /* as OpenSSH prints it */
        return g_strconcat("SHA256:", text, NULL);
}
