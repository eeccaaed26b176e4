/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/link.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/link-tdch.h"
#include "protocol/url.h"

#define URI_PREFIX "tigress:"
#define WHAT "this is no invitation link"

#define T2_SECRET_BYTES 32
#define MODE_T2_PIN 0x01
#define MODE_T2 0x02

void
tg_link_free(TgLink *self)
{
        if (!self)
                return;

        g_free(self->origin);
        g_free(self->mailbox_url);
        g_free(self->mailbox_id);
        g_free(self->template);
        tg_secret_unref(self->secret);
        tg_secret_unref(self->fragment);
        g_free(self);
}

static gboolean
refuse(GError **error, const char *wrong)
{
        tg_set_error(error, TG_ERROR_INVALID, WHAT ": %s", wrong);
        return FALSE;
}

/* ---- fragment ---- */

/* Resolves %XX; a '+' stays what it is, for this is no form. */
static gboolean
unescape(const char *text, gsize n_chars, char *buffer, gsize *ret_n_chars)
{
        char *at = buffer;

        for (gsize i = 0; i < n_chars; i++) {
                int high, low;

                if (text[i] != '%') {
                        *at++ = text[i];
                        continue;
                }
                high = n_chars - i > 2 ? g_ascii_xdigit_value(text[i + 1]) : -1;
                low = high >= 0 ? g_ascii_xdigit_value(text[i + 2]) : -1;
                if (low < 0)
                        return FALSE;
                *at++ = (char)(high << 4 | low);
                i += 2;
        }
        *ret_n_chars = (gsize)(at - buffer);

        return TRUE;
}

static TgSecret *
decode_fragment(const char *text, gsize n_chars, GError **error)
{
        g_autoptr(TgSecret) plain = NULL;
        g_autoptr(TgSecret) decoded = NULL;
        guint8 *plain_room, *room;
        gsize n_plain, n_bytes;

        plain = tg_secret_new_blank(n_chars, &plain_room, error);
        if (!plain)
                return NULL;
        if (!unescape(text, n_chars, (char *)plain_room, &n_plain)) {
                refuse(error, "the part after # holds a broken % escape");
                return NULL;
        }
        decoded = tg_secret_new_blank(tg_base64_decoded_room(n_plain), &room, error);
        if (!decoded)
                return NULL;
        if (!tg_base64_decode(TG_BASE64_ANY, (char *)plain_room, n_plain, room, &n_bytes)) {
                refuse(error, "the part after # is damaged; copy the whole link once more");
                return NULL;
        }

        return tg_secret_slice(decoded, 0, n_bytes, error);
}

/* What the decoded fragment of a mailbox link says. */
static gboolean
take_mailbox_secret(TgLink *self, GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(self->fragment, &n_bytes);

        if (n_bytes == 16 || n_bytes == 32) {
                self->mode = TG_LINK_T1;
                self->secret = tg_secret_ref(self->fragment);
                return TRUE;
        }
        if (n_bytes != 1 + T2_SECRET_BYTES)
                return refuse(error, "the secret after # has a length that none can have");
        if (bytes[0] != MODE_T2_PIN && bytes[0] != MODE_T2)
                return refuse(error, "it is of a kind that this version does not know");

        self->secret = tg_secret_slice(self->fragment, 1, T2_SECRET_BYTES, error);
        if (!self->secret)
                return FALSE;
        self->mode = bytes[0] == MODE_T2_PIN ? TG_LINK_T2_PIN : TG_LINK_T2;

        return TRUE;
}

gboolean
tg_link_take_fragment(TgLink *self, const char *fragment_text, gsize n_chars, GError **error)
{
        if (self->mode != TG_LINK_NO_SECRET) {
                tg_set_error(error, TG_ERROR_INVALID, "the link holds its secret already");
                return FALSE;
        }
        if (n_chars == 0 || n_chars > TG_MAX_LINK_CHARS) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the secret of the link is empty or too long");
                return FALSE;
        }

        self->fragment = decode_fragment(fragment_text, n_chars, error);
        if (self->fragment && take_mailbox_secret(self, error))
                return TRUE;

        /* as it was: another attempt may follow */
        g_clear_pointer(&self->fragment, tg_secret_unref);
        return FALSE;
}

/* ---- path and query ---- */

/* "/v{n}/m/{uuid}" or "/m/{uuid}" */
static gboolean
take_path(TgLink *self, const char *path, gsize n_chars, GError **error)
{
        static const char wrong[] = "its path must be /v1/m/ and the mailbox's identifier";
        const char *at = path;
        const char *end = path + n_chars;
        guint8 uuid[TG_UUID_BYTES];
        char id[TG_UUID_CHARS + 1];

        if (end - at > 2 && at[0] == '/' && at[1] == 'v') {
                const char *digits = at + 2;

                for (at = digits; at < end && at - digits < 4 && g_ascii_isdigit(*at); at++)
                        self->version = self->version * 10 + (guint)(*at - '0');
                if (*digits == '0' || self->version == 0 || self->version > TG_MAX_LINK_VERSION)
                        return refuse(error, wrong);
        }
        if (end - at != 3 + TG_UUID_CHARS || memcmp(at, "/m/", 3) != 0 ||
            !tg_uuid_parse(at + 3, TG_UUID_CHARS, uuid))
                return refuse(error, wrong);

        tg_uuid_format(uuid, id);
        self->mailbox_id = g_strdup(id);
        self->mailbox_url =
                g_strdup_printf("%s%.*s/m/%s", self->origin, (int)(at - path), path, id);

        return TRUE;
}

/* "v" is ours and may stand once; what else is there is not. */
static gboolean
take_query(TgLink *self, const char *query, gsize n_chars, GError **error)
{
        const char *end = query + n_chars;

        while (query < end) {
                const char *stop = memchr(query, '&', (gsize)(end - query));
                gsize n = (gsize)((stop ? stop : end) - query);

                if (*query == 'v' && (n == 1 || query[1] == '=')) {
                        if (n != 3 || !g_ascii_islower(query[2]) || self->vertical)
                                return refuse(error, "its parameter v must be one letter, once");
                        self->vertical = query[2];
                }
                query += n + 1;
        }

        return TRUE;
}

/* Everything after the origin. */
static gboolean
take_rest(TgLink *self, const char *rest, const char *end, GError **error)
{
        const char *hash = memchr(rest, '#', (gsize)(end - rest));
        const char *query = memchr(rest, '?', (gsize)((hash ? hash : end) - rest));
        const char *path_end = query ? query : hash ? hash : end;

        if (hash && end - hash > 1) {
                self->fragment = decode_fragment(hash + 1, (gsize)(end - hash - 1), error);
                if (!self->fragment)
                        return FALSE;
        }
        if (path_end - rest == 2 && memcmp(rest, "/t", 2) == 0 && !query)
                return tg_link_take_tdch(self, error);

        if (!take_path(self, rest, (gsize)(path_end - rest), error))
                return FALSE;
        if (query && !take_query(self, query + 1, (gsize)((hash ? hash : end) - query - 1), error))
                return FALSE;

        return !self->fragment || take_mailbox_secret(self, error);
}

TgLink *
tg_link_parse(const char *text, gsize n_chars, gboolean allow_http, GError **error)
{
        g_autoptr(TgLink) self = g_new0(TgLink, 1);
        const char *rest;

        if (n_chars >= strlen(URI_PREFIX) &&
            g_ascii_strncasecmp(text, URI_PREFIX, strlen(URI_PREFIX)) == 0) {
                text += strlen(URI_PREFIX);
                n_chars -= strlen(URI_PREFIX);
        }
        if (n_chars > TG_MAX_LINK_CHARS) {
                refuse(error, "it is longer than 4096 characters");
                return NULL;
        }
        for (gsize i = 0; i < n_chars; i++)
                if (!g_ascii_isgraph(text[i])) {
                        refuse(error, "it holds a space or a character that no link can hold");
                        return NULL;
                }

        self->origin = tg_url_origin(text, n_chars, allow_http, WHAT, &rest, error);
        if (!self->origin || !take_rest(self, rest, text + n_chars, error))
                return NULL;

        return g_steal_pointer(&self);
}

/* ---- writing ---- */

TgSecret *
tg_link_join(const char *before, TgBase64 form, const TgSecret *fragment, GError **error)
{
        gsize n_before = strlen(before);
        gsize n_bytes, n_chars;
        const guint8 *bytes = tg_secret_get(fragment, &n_bytes);
        TgSecret *link;
        guint8 *room;

        n_chars = tg_base64_encoded_chars(form, n_bytes);
        if (n_before + 1 + n_chars > TG_MAX_LINK_CHARS) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the link would be longer than 4096 characters");
                return NULL;
        }
        link = tg_secret_new_blank(n_before + 1 + n_chars, &room, error);
        if (!link)
                return NULL;
        memcpy(room, before, n_before);
        room[n_before] = '#';
        tg_base64_encode_to(form, bytes, n_bytes, (char *)room + n_before + 1);

        return link;
}

TgSecret *
tg_link_format(const char *mailbox_url,
               char vertical,
               TgLinkMode mode,
               const TgSecret *secret,
               GError **error)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);
        gboolean is_t2 = mode == TG_LINK_T2 || mode == TG_LINK_T2_PIN;
        g_autofree char *before = NULL;
        g_autoptr(TgSecret) fragment = NULL;
        guint8 *room;

        if (!(mode == TG_LINK_T1 && (n_bytes == 16 || n_bytes == 32)) &&
            !(is_t2 && n_bytes == T2_SECRET_BYTES)) {
                tg_set_error(error, TG_ERROR_INVALID, "no link holds a secret of that length");
                return NULL;
        }

        before = vertical ? g_strdup_printf("%s?v=%c", mailbox_url, vertical)
                          : g_strdup(mailbox_url);
        if (!is_t2)
                return tg_link_join(before, TG_BASE64_STANDARD, secret, error);

        fragment = tg_secret_new_blank(1 + n_bytes, &room, error);
        if (!fragment)
                return NULL;
        room[0] = mode == TG_LINK_T2_PIN ? MODE_T2_PIN : MODE_T2;
        memcpy(room + 1, bytes, n_bytes);

        return tg_link_join(before, TG_BASE64_URL, fragment, error);
}

/* ---- a relay's answer ---- */

char *
tg_link_check_url_link(const char *url_link,
                       const char *origin,
                       gboolean allow_http,
                       GError **error)
{
        g_autoptr(TgLink) link = NULL;

        if (strlen(url_link) <= TG_MAX_LINK_CHARS && !strpbrk(url_link, "?#"))
                link = tg_link_parse(url_link, strlen(url_link), allow_http, NULL);
        if (!link || !link->mailbox_url || g_ascii_strncasecmp(url_link, "http", 4) != 0) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the relay says that the mailbox has an address that none can have");
                return NULL;
        }
        if (!g_str_equal(link->origin, origin)) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             "the relay says that the mailbox lies on another relay");
                return NULL;
        }

        return g_steal_pointer(&link->mailbox_url);
}
