/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plaintext: any octets that a peer may have sealed. */

#include <string.h>

#include "protocol/bounds.h"
#include "protocol/envelope.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"
#include "tests/fuzz/fuzz.h"

static void
check_text(const char *text, gsize max_bytes)
{
        g_autofree char *clean = tg_text_clean(text, -1, max_bytes);

        if (text) {
                g_assert_cmpuint(strlen(text), <=, max_bytes);
                g_assert_true(g_utf8_validate(text, -1, NULL));
        }
        g_assert_true(tg_text_is_clean(clean, max_bytes));
}

static void
check_same_header(const TgHeader *a, const TgHeader *b)
{
        g_assert_cmpint(a->present, ==, b->present);
        if (!a->present)
                return;
        g_assert_cmpmem(a->sid, TG_SID_BYTES, b->sid, TG_SID_BYTES);
        g_assert_cmpint(a->role, ==, b->role);
        g_assert_cmpuint(a->seq, ==, b->seq);
        g_assert_cmpint(a->has_ack, ==, b->has_ack);
        g_assert_true(!a->has_ack || a->ack == b->ack);
        g_assert_cmpint(a->reads_end, ==, b->reads_end);
        g_assert_cmpstr(a->title, ==, b->title);
        g_assert_cmpstr(a->description, ==, b->description);
        g_assert_cmpstr(a->image_url, ==, b->image_url);
        g_assert_cmpstr(a->limits, ==, b->limits);
}

/* What has been read can be written, and reads the same. */
static void
check_build(const TgEnvelope *envelope)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) again = NULL;

        plaintext = tg_envelope_build(envelope->format,
                                      (const guint8 *)envelope->content.text,
                                      envelope->content.n_chars,
                                      &envelope->header,
                                      &error);
        if (!plaintext) { /* members of a fixed order and names take more room than some have */
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                g_assert_cmpuint(
                        tg_secret_size(envelope->plaintext), >, TG_MAX_PLAINTEXT_BYTES - 1024);
                return;
        }

        again = tg_envelope_parse(plaintext, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(envelope->format, ==, again->format);
        g_assert_cmpmem(envelope->content.text,
                        envelope->content.n_chars,
                        again->content.text,
                        again->content.n_chars);
        check_same_header(&envelope->header, &again->header);
        if (envelope->header.present) /* its length tells no more than the bucket */
                g_assert_cmpuint(tg_secret_size(plaintext),
                                 ==,
                                 tg_padding_bucket(tg_secret_size(plaintext)));
}

/* Whatever the content is, it may come in an end message. */
static void
check_end(const TgJson *content)
{
        g_autofree char *reason = NULL;
        g_autofree char *again = NULL;
        g_autofree char *text = NULL;
        TgOutcome outcome, same;
        TgJson json;

        tg_end_parse(content, &outcome, &reason);
        if (reason) {
                g_assert_true(*reason);
                g_assert_true(tg_text_is_clean(reason, TG_MAX_REASON_BYTES));
        }

        text = tg_end_content(outcome, reason);
        json = helper_json(text);
        tg_end_parse(&json, &same, &again);
        g_assert_cmpint(outcome, ==, same);
        g_assert_cmpstr(reason, ==, again);
}

/* Limits are kept to, written and read again as they are, or refused with a sentence. */
static void
check_limits(const char *text)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *written = NULL;
        TgBounds bounds, again;

        if (!tg_bounds_parse(text, &bounds, &error)) {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return;
        }
        g_assert_true(tg_bounds_check(&bounds, NULL));
        written = tg_bounds_write(&bounds);
        g_assert_cmpint(written != NULL, ==, text != NULL);
        g_assert_true(!written || strlen(written) <= TG_MAX_BOUNDS_CHARS);
        g_assert_true(tg_bounds_parse(written, &again, NULL));
        g_assert_cmpint(bounds.not_before_s, ==, again.not_before_s);
        g_assert_cmpint(bounds.not_after_s, ==, again.not_after_s);
        g_assert_cmpuint(bounds.n_uses, ==, again.n_uses);
        g_assert_cmpint(bounds.is_final, ==, again.is_final);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) error = NULL;

        if (n_bytes > 2 * TG_MAX_PLAINTEXT_BYTES)
                return;
        plaintext = fuzz_secret(bytes, n_bytes);
        envelope = tg_envelope_parse(plaintext, &error);
        fuzz_check_error(error, !envelope);
        if (!envelope) {
                g_assert_cmpint(tg_error_code(error), ==, TG_ERROR_TAMPERED);
                return;
        }

        g_assert_cmpint(envelope->content.type, ==, TG_JSON_OBJECT);
        g_assert_true(*envelope->format && strlen(envelope->format) <= TG_MAX_FORMAT_BYTES);
        check_text(envelope->header.title, TG_MAX_TITLE_BYTES);
        check_text(envelope->header.description, TG_MAX_DESCRIPTION_BYTES);
        check_text(envelope->header.image_url, TG_MAX_IMAGE_URL_BYTES);
        check_limits(envelope->header.limits);
        check_build(envelope);
        check_end(&envelope->content);
}
