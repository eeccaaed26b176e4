/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/link-tdch.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/url.h"

/*
 *     struct {
 *         uint8  mode = 0x10;
 *         uint16 cipher_suite;
 *         opaque R<32..255>;
 *         opaque uri_template<1..2^16-1>;
 *     } TdchInvitation;
 */

#define WHAT "this is no invitation link"
#define MODE_TDCH 0x10
#define FIRST_SUITE 0x1301 /* to 0x1303: the suites of TLS 1.3 that are in use */
#define LAST_SUITE 0x1303
#define MIN_R_BYTES 32
#define MAX_R_BYTES 255
#define EXPRESSION "{tigress_location}"

static gboolean
refuse(GError **error, const char *wrong)
{
        tg_set_error(error, TG_ERROR_INVALID, WHAT ": %s", wrong);
        return FALSE;
}

char *
tg_template_origin(const char *template, GError **error)
{
        static const char wrong[] = "its template is none that can be used";
        g_autofree char *origin = NULL;
        const char *rest, *expression;

        for (const char *at = template; *at; at++)
                if (!g_ascii_isgraph(*at)) {
                        refuse(error, wrong);
                        return NULL;
                }
        origin = tg_url_origin(template, strlen(template), FALSE, WHAT, &rest, error);
        if (!origin)
                return NULL;

        expression = strstr(rest, EXPRESSION);
        if (!expression || strchr(rest, '#') || strcspn(rest, "{}") != (gsize)(expression - rest) ||
            strpbrk(expression + strlen(EXPRESSION), "{}")) {
                refuse(error, wrong);
                return NULL;
        }

        return g_steal_pointer(&origin);
}

const char *
tg_link_place(const TgLink *self)
{
        return self->mailbox_url ? self->mailbox_url : self->template;
}

gboolean
tg_link_take_tdch(TgLink *self, GError **error)
{
        static const char wrong[] = "the part after # is damaged; copy the whole link once more";
        g_autofree char *origin = NULL;
        const guint8 *bytes;
        gsize n_bytes, n_r, n_template;

        if (!self->fragment)
                return refuse(error, "it has no part after #");
        bytes = tg_secret_get(self->fragment, &n_bytes);
        if (n_bytes < 4 || bytes[0] != MODE_TDCH)
                return refuse(error, wrong);
        self->suite = (guint16)(bytes[1] << 8 | bytes[2]);
        if (self->suite < FIRST_SUITE || self->suite > LAST_SUITE)
                return refuse(error, "it wants a cipher suite that is not offered");

        n_r = bytes[3];
        if (n_r < MIN_R_BYTES || n_bytes < 4 + n_r + 2)
                return refuse(error, wrong);
        n_template = (gsize)(bytes[4 + n_r] << 8 | bytes[4 + n_r + 1]);
        if (n_template == 0 || n_bytes != 4 + n_r + 2 + n_template ||
            memchr(bytes + 4 + n_r + 2, '\0', n_template))
                return refuse(error, wrong);

        self->template = g_strndup((const char *)bytes + 4 + n_r + 2, n_template);
        origin = tg_template_origin(self->template, error);
        if (!origin)
                return FALSE;
        if (!g_str_equal(origin, self->origin))
                return refuse(error, "it names one relay and its template another");

        self->secret = tg_secret_slice(self->fragment, 4, n_r, error);
        self->mode = TG_LINK_TDCH;
        return self->secret != NULL;
}

TgSecret *
tg_link_format_tdch(const char *template, guint16 suite, const TgSecret *secret, GError **error)
{
        gsize n_template = strlen(template);
        gsize n_r;
        const guint8 *r = tg_secret_get(secret, &n_r);
        g_autofree char *origin = tg_template_origin(template, error);
        g_autofree char *before = NULL;
        g_autoptr(TgSecret) fragment = NULL;
        guint8 *room;

        if (!origin)
                return NULL;
        if (suite < FIRST_SUITE || suite > LAST_SUITE || n_r < MIN_R_BYTES || n_r > MAX_R_BYTES ||
            n_template > TG_MAX_LINK_CHARS) {
                tg_set_error(error, TG_ERROR_INVALID, "no link holds such a secret and template");
                return NULL;
        }

        fragment = tg_secret_new_blank(4 + n_r + 2 + n_template, &room, error);
        if (!fragment)
                return NULL;
        room[0] = MODE_TDCH;
        room[1] = (guint8)(suite >> 8);
        room[2] = (guint8)suite;
        room[3] = (guint8)n_r;
        memcpy(room + 4, r, n_r);
        room[4 + n_r] = (guint8)(n_template >> 8);
        room[4 + n_r + 1] = (guint8)n_template;
        memcpy(room + 4 + n_r + 2, template, n_template);
        before = g_strconcat(origin, "/t", NULL);

        return tg_link_join(before, TG_BASE64_URL, fragment, error);
}
