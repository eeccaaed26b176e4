/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The body of a request to the relay: any octets. It is read as each of the requests there are. */

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "tests/fuzz/fuzz.h"

typedef gboolean (*Parse)(const char *body,
                          gsize n_bytes,
                          const TgMailboxLimits *limits,
                          TgMailboxRequest *ret_request,
                          GError **error);

static void
check_limits(const TgMailboxRequest *request, const TgMailboxLimits *limits)
{
        if (request->display.title) {
                g_assert_cmpuint(strlen(request->display.title), <=, limits->max_title_bytes);
                g_assert_cmpuint(
                        strlen(request->display.description), <=, limits->max_description_bytes);
                g_assert_cmpuint(
                        strlen(request->display.image_url), <=, limits->max_image_url_bytes);
        }
        g_assert_true((request->token.type == NULL) == (request->token.data == NULL));
        if (request->token.type)
                g_assert_cmpuint(strlen(request->token.type) + strlen(request->token.data),
                                 <=,
                                 limits->max_token_bytes);
}

/* What is stored of a payload is a payload of two members, and stays as it is. */
static void
check_payload(const char *text, const TgMailboxLimits *limits)
{
        g_autofree char *body = tg_mailbox_format_update(text);
        g_auto(TgMailboxRequest) again = {0};
        g_autoptr(GError) error = NULL;
        TgJson payload = helper_json(text);
        TgJson value;
        TgJsonIter iter;
        guint n_members = 0;

        g_assert_cmpint(payload.type, ==, TG_JSON_OBJECT);
        tg_json_iter_init(&iter, &payload);
        while (tg_json_iter_next(&iter, NULL, &value))
                n_members++;
        g_assert_cmpuint(n_members, ==, 2);

        g_assert_true(tg_mailbox_parse_update(body, strlen(body), limits, &again, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(again.payload, ==, text);
}

static void
check_create(const TgMailboxRequest *request, const TgMailboxLimits *limits)
{
        g_autofree char *body = tg_mailbox_format_create(
                request->payload, &request->display, request->rights, request->expiration_s);
        g_auto(TgMailboxRequest) again = {0};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_mailbox_parse_create(body, strlen(body), limits, &again, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(again.payload, ==, request->payload);
        g_assert_cmpstr(again.display.title, ==, request->display.title);
        g_assert_cmpstr(again.display.description, ==, request->display.description);
        g_assert_cmpstr(again.display.image_url, ==, request->display.image_url);
        g_assert_cmpint(again.rights, ==, request->rights);
        g_assert_cmpint(again.expiration_s, ==, request->expiration_s);
        g_assert_null(again.token.type);
}

static gboolean
check(Parse parse, const char *body, gsize n_bytes, const TgMailboxLimits *limits)
{
        g_auto(TgMailboxRequest) request = {0};
        g_autoptr(GError) error = NULL;

        if (!parse(body, n_bytes, limits, &request, &error)) {
                fuzz_check_error(error, TRUE);
                g_assert_true(tg_error_code(error) == TG_ERROR_INVALID ||
                              tg_error_code(error) == TG_ERROR_LIMIT_REACHED);
                g_assert_true(!request.payload && !request.token.type && !request.display.title);
                return FALSE;
        }
        g_assert_no_error(error);
        check_limits(&request, limits);
        if (request.payload)
                check_payload(request.payload, limits);
        if (parse == tg_mailbox_parse_create)
                check_create(&request, limits);

        return TRUE;
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        static const TgMailboxLimits narrow = {64, 4, 8, 12, 6};
        static const Parse parses[] = {
                tg_mailbox_parse_create, tg_mailbox_parse_update, tg_mailbox_parse_read};
        const char *body = (const char *)bytes;

        for (gsize i = 0; i < G_N_ELEMENTS(parses); i++) {
                gboolean is_taken = check(parses[i], body, n_bytes, &tg_mailbox_limits_default);

                /* who allows less takes no more */
                g_assert_true(!check(parses[i], body, n_bytes, &narrow) || is_taken);
        }
}
