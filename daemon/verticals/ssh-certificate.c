/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/ssh-certificate.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"

#define CERTIFICATE_TYPE "ssh-ed25519-cert-v01@openssh.com"
#define KEY_TYPE "ssh-ed25519"
#define KEY_BYTES 32
#define USER_CERTIFICATE 1

void
tg_ssh_certificate_clear(TgSshCertificate *self)
{
        tg_ssh_grant_clear(&self->grant);
        g_clear_pointer(&self->key, g_free);
}

/* ---- RFC 4251 section 5 ---- */

typedef struct {
        const guint8 *at;
        gsize n_left;
} Reader;

static gboolean
take_number(Reader *self, guint n_bytes, guint64 *ret_number)
{
        if (self->n_left < n_bytes)
                return FALSE;
        *ret_number = 0;
        for (guint i = 0; i < n_bytes; i++)
                *ret_number = *ret_number << 8 | self->at[i];
        self->at += n_bytes;
        self->n_left -= n_bytes;
        return TRUE;
}

static gboolean
take_string(Reader *self, Reader *ret_string)
{
        guint64 n_bytes;

        if (!take_number(self, 4, &n_bytes) || n_bytes > self->n_left)
                return FALSE;
        *ret_string = (Reader){self->at, (gsize)n_bytes};
        self->at += n_bytes;
        self->n_left -= (gsize)n_bytes;
        return TRUE;
}

/* NULL where it is no text. */
static char *
take_text(Reader *self)
{
        Reader string;

        if (!take_string(self, &string) || memchr(string.at, '\0', string.n_left) != NULL ||
            !g_utf8_validate((const char *)string.at, (gssize)string.n_left, NULL))
                return NULL;
        return g_strndup((const char *)string.at, string.n_left);
}

static gboolean
is_text(const Reader *string, const char *text)
{
        return string->n_left == strlen(text) && memcmp(string->at, text, string->n_left) == 0;
}

/* ---- its parts ---- */

static GStrv
read_principals(Reader list)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();

        while (list.n_left > 0) {
                g_autofree char *name = take_text(&list);

                if (name == NULL)
                        return NULL;
                g_strv_builder_add(names, name);
        }
        return g_strv_builder_end(names);
}

/* Each value is a string in a string. */
static gboolean
read_options(Reader list, TgSshGrant *grant)
{
        while (list.n_left > 0) {
                Reader name;
                Reader value;
                char **target = NULL;

                if (!take_string(&list, &name) || !take_string(&list, &value))
                        return FALSE;
                if (is_text(&name, "force-command"))
                        target = &grant->force_command;
                else if (is_text(&name, "source-address"))
                        target = &grant->source_address;
                if (target == NULL || *target != NULL)
                        return FALSE;
                *target = take_text(&value);
                if (*target == NULL || value.n_left != 0)
                        return FALSE;
        }
        return TRUE;
}

static gboolean
read_extensions(Reader list, TgSshGrant *grant)
{
        while (list.n_left > 0) {
                Reader name;
                Reader value;
                guint bit = 0;

                if (!take_string(&list, &name) || !take_string(&list, &value) || value.n_left != 0)
                        return FALSE;
                while (tg_ssh_extensions[bit] != NULL && !is_text(&name, tg_ssh_extensions[bit]))
                        bit++;
                if (tg_ssh_extensions[bit] == NULL || (grant->permits & 1u << bit) != 0)
                        return FALSE;
                grant->permits |= 1u << bit;
        }
        return TRUE;
}

static char *
key_line(const guint8 *key)
{
        static const char type[] = KEY_TYPE;
        guint8 blob[4 + sizeof type - 1 + 4 + KEY_BYTES] = {0, 0, 0, sizeof type - 1};
        g_autofree char *text = NULL;

        memcpy(blob + 4, type, sizeof type - 1);
        blob[4 + sizeof type - 1 + 3] = KEY_BYTES;
        memcpy(blob + sizeof blob - KEY_BYTES, key, KEY_BYTES);
        text = tg_base64_encode(TG_BASE64_STANDARD, blob, sizeof blob);
        return g_strconcat(KEY_TYPE " ", text, NULL);
}

static char *
authority_line(Reader blob)
{
        Reader inner = blob;
        g_autofree char *type = take_text(&inner);
        g_autofree char *text = NULL;

        if (type == NULL)
                return NULL;
        text = tg_base64_encode(TG_BASE64_STANDARD, blob.at, blob.n_left);
        return g_strconcat(type, " ", text, NULL);
}

static gboolean
read_parts(Reader *reader, TgSshCertificate *certificate, const char **ret_why)
{
        TgSshGrant *grant = &certificate->grant;
        Reader type, nonce, key, principals, options, extensions, reserved, authority, signature;
        guint64 kind;

        *ret_why = "the certificate is malformed";
        if (!take_string(reader, &type) || !is_text(&type, CERTIFICATE_TYPE) ||
            !take_string(reader, &nonce) || !take_string(reader, &key) || key.n_left != KEY_BYTES ||
            !take_number(reader, 8, &certificate->serial) || !take_number(reader, 4, &kind))
                return FALSE;
        if (kind != USER_CERTIFICATE) {
                *ret_why = "this is no certificate for a user: it could make a host trusted";
                return FALSE;
        }
        grant->key_id = take_text(reader);
        if (grant->key_id == NULL || !take_string(reader, &principals) ||
            !take_number(reader, 8, &grant->valid_after) ||
            !take_number(reader, 8, &grant->valid_before) || !take_string(reader, &options) ||
            !take_string(reader, &extensions) || !take_string(reader, &reserved) ||
            reserved.n_left != 0 || !take_string(reader, &authority) ||
            !take_string(reader, &signature) || reader->n_left != 0)
                return FALSE;
        grant->principals = read_principals(principals);
        grant->ca = authority_line(authority);
        certificate->key = key_line(key.at);
        if (grant->principals == NULL || grant->ca == NULL)
                return FALSE;

        *ret_why = "the certificate has options that are not known here";
        return read_options(options, grant) && read_extensions(extensions, grant);
}

gboolean
tg_ssh_certificate_parse(const char *line, TgSshCertificate *ret_certificate, GError **error)
{
        g_auto(TgSshCertificate) certificate = {};
        g_autofree char *bare = tg_ssh_key_of_line(line);
        g_autoptr(GBytes) blob = bare != NULL ? tg_ssh_key_blob(bare) : NULL;
        const char *why = "this is no certificate of an Ed25519 key";
        Reader reader = {};

        if (blob != NULL)
                reader.at = g_bytes_get_data(blob, &reader.n_left);
        if (blob != NULL && g_str_has_prefix(bare, CERTIFICATE_TYPE " ") &&
            read_parts(&reader, &certificate, &why)) {
                *ret_certificate = certificate;
                certificate = (TgSshCertificate){};
                return TRUE;
        }
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}
