/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/crypto.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "tests/unit/helper.h"

/* Two sides and the key between them. */
typedef struct {
        TgSecret *key;
        TgThread *alice;
        TgThread *bob;
} Pair;

static void
pair_init(Pair *pair)
{
        static const guint8 sid[TG_SID_BYTES] = {1, 2, 3};

        pair->key = helper_secret_filled(5, 32);
        pair->alice = tg_thread_new(TG_ROLE_INITIATOR, sid, TRUE);
        pair->bob = tg_thread_new(TG_ROLE_RECIPIENT, NULL, TRUE);
}

static void
pair_clear(Pair *pair)
{
        tg_secret_unref(pair->key);
        tg_thread_free(pair->alice);
        tg_thread_free(pair->bob);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static char *
write_message(TgThread *thread, const TgSecret *key, const char *content)
{
        g_autoptr(GError) error = NULL;
        char *text = tg_thread_write(
                thread, key, "f", (const guint8 *)content, strlen(content), NULL, &error);

        g_assert_no_error(error);

        return text;
}

/* The content as it arrived, or NULL. */
static char *
read_message(TgThread *thread, const TgSecret *key, const char *text, TgReading wanted)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) error = NULL;
        TgJson payload = helper_json(text);
        TgReading reading = tg_thread_read(thread, key, &payload, &envelope, &error);

        g_assert_cmpint(reading, ==, wanted);
        g_assert_cmpint(reading == TG_READ_REFUSED, ==, error != NULL);

        return envelope ? g_strndup(envelope->content.text, envelope->content.n_chars) : NULL;
}

static void
expect(TgThread *thread, const TgSecret *key, const char *text, TgReading wanted)
{
        g_autoptr(GBytes) before = tg_thread_save(thread);
        g_autofree char *content = read_message(thread, key, text, wanted);
        g_autoptr(GBytes) after = tg_thread_save(thread);

        g_assert_cmpint(content == NULL, ==, wanted == TG_READ_REFUSED || wanted == TG_READ_NONE);
        g_assert_cmpint(g_bytes_equal(before, after), ==, content == NULL);
}

static void
test_a_conversation_arrives(void)
{
        g_auto(Pair) pair = {0};

        pair_init(&pair);
        for (guint i = 0; i < 10; i++) {
                TgThread *writer = i % 2 ? pair.bob : pair.alice;
                TgThread *reader = i % 2 ? pair.alice : pair.bob;
                g_autofree char *content = g_strdup_printf("{\"n\":%u}", i);
                g_autofree char *text = write_message(writer, pair.key, content);
                g_autofree char *arrived = NULL;

                expect(writer, pair.key, text, TG_READ_NONE);
                arrived = read_message(reader, pair.key, text, TG_READ_OK);
                g_assert_cmpstr(arrived, ==, content);
                expect(reader, pair.key, text, TG_READ_REFUSED); /* a second time */
        }
        g_assert_cmpuint(tg_thread_count(pair.alice), ==, 10);
        g_assert_cmpuint(tg_thread_count(pair.bob), ==, 10);
        g_assert_false(tg_thread_is_headerless(pair.bob));
}

static void
test_a_relay_cannot_replay_reflect_or_swap(void)
{
        g_auto(Pair) pair = {0};
        g_auto(Pair) other = {0};
        g_autofree char *first = NULL;
        g_autofree char *answer = NULL;
        g_autofree char *second = NULL;
        g_autofree char *foreign = NULL;
        g_autofree char *next = NULL;

        pair_init(&pair);
        pair_init(&other); /* under the same key, for it is the sid that tells them apart */
        tg_thread_free(other.alice);
        other.alice = tg_thread_new(TG_ROLE_INITIATOR, (const guint8 *)"another share...", TRUE);

        first = write_message(pair.alice, pair.key, "{\"n\":1}");
        expect(pair.bob, pair.key, first, TG_READ_OK);
        answer = write_message(pair.bob, pair.key, "{\"n\":2}");
        expect(pair.bob, pair.key, first, TG_READ_REFUSED); /* rolled back */
        expect(pair.alice, pair.key, first, TG_READ_NONE);  /* still in the slot */
        expect(pair.alice, pair.key, answer, TG_READ_OK);
        second = write_message(pair.alice, pair.key, "{\"n\":3}");
        expect(pair.alice, pair.key, first, TG_READ_REFUSED);  /* reflected */
        expect(pair.alice, pair.key, answer, TG_READ_REFUSED); /* replayed */

        g_free(write_message(other.alice, pair.key, "{}"));
        foreign = write_message(other.alice, pair.key, "{}");
        expect(pair.bob, pair.key, foreign, TG_READ_REFUSED); /* swapped */

        /* none of this locked the right one out */
        expect(pair.bob, pair.key, second, TG_READ_OK);
        next = write_message(pair.bob, pair.key, "{\"n\":4}");
        expect(pair.alice, pair.key, next, TG_READ_OK);
}

/* The octets differ, so the digests do not help: the header has to. */
static void
test_a_message_sealed_anew_is_judged_by_its_header(void)
{
        g_auto(Pair) pair = {0};
        g_autofree char *first = NULL;
        g_autofree char *again = NULL;
        g_autofree char *mirrored = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        TgJson payload;

        pair_init(&pair);
        first = write_message(pair.alice, pair.key, "{}");
        payload = helper_json(first);
        plaintext = tg_payload_open(pair.key, &payload, NULL);
        again = tg_payload_seal(pair.key, NULL, plaintext, NULL);
        mirrored = tg_payload_seal(pair.key, NULL, plaintext, NULL);

        expect(pair.bob, pair.key, first, TG_READ_OK);
        expect(pair.bob, pair.key, again, TG_READ_REFUSED);      /* its number was seen */
        expect(pair.alice, pair.key, mirrored, TG_READ_REFUSED); /* its role is her own */
}

static void
test_a_wrong_key_changes_nothing(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) wrong = helper_secret_filled(6, 32);
        g_autofree char *text = NULL;

        pair_init(&pair);
        text = write_message(pair.alice, wrong, "{}");
        expect(pair.bob, pair.key, text, TG_READ_REFUSED);
}

static void
test_a_bare_peer_stays_bare(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) bare = helper_secret("{\"format\":\"f\",\"content\":{\"old\":1}}");
        g_autofree char *text = NULL;
        g_autofree char *answer = NULL;
        g_autofree char *late = NULL;
        g_autoptr(TgSecret) opened = NULL;
        TgJson payload;

        pair_init(&pair);
        text = tg_payload_seal(pair.key, NULL, bare, NULL);
        expect(pair.bob, pair.key, text, TG_READ_LEGACY);
        g_assert_true(tg_thread_is_headerless(pair.bob));
        expect(pair.bob, pair.key, text, TG_READ_REFUSED); /* the digests still work */

        /* without a sid he answers in kind, and unpadded */
        answer = write_message(pair.bob, pair.key, "{\"new\":2}");
        payload = helper_json(answer);
        opened = tg_payload_open(pair.key, &payload, NULL);
        g_assert_cmpstr((const char *)tg_secret_get(opened, NULL),
                        ==,
                        "{\"format\":\"f\",\"content\":{\"new\":2}}");

        late = write_message(pair.alice, pair.key, "{}");
        expect(pair.bob, pair.key, late, TG_READ_REFUSED); /* a header out of nowhere */
}

static void
test_a_header_cannot_be_stripped(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgThread) strict = tg_thread_new(TG_ROLE_RECIPIENT, NULL, FALSE);
        g_autoptr(TgSecret) bare = helper_secret("{\"format\":\"f\",\"content\":{}}");
        g_autofree char *text = NULL;
        g_autofree char *first = NULL;

        pair_init(&pair);
        text = tg_payload_seal(pair.key, NULL, bare, NULL);
        expect(strict, pair.key, text, TG_READ_REFUSED);
        first = write_message(pair.alice, pair.key, "{}");
        expect(pair.bob, pair.key, first, TG_READ_OK);
        expect(pair.bob, pair.key, text, TG_READ_REFUSED);
}

static void
test_an_overwritten_message_is_reported(void)
{
        g_auto(Pair) pair = {0};
        g_autofree char *first = NULL;
        g_autofree char *answer = NULL;
        g_autofree char *unread = NULL;

        pair_init(&pair);
        first = write_message(pair.alice, pair.key, "{}");
        expect(pair.bob, pair.key, first, TG_READ_OK);
        answer = write_message(pair.bob, pair.key, "{}");
        unread = write_message(pair.alice, pair.key, "{}");
        expect(pair.alice, pair.key, answer, TG_READ_OVERTAKEN);
}

static void
test_the_promise_to_read_the_end_is_kept_in_mind(void)
{
        g_auto(Pair) pair = {0};
        const TgHeader extra = {.reads_end = TRUE, .title = (char *)"Garden"};
        g_autofree char *text = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        TgJson payload;

        pair_init(&pair);
        text = tg_thread_write(pair.alice, pair.key, "f", (const guint8 *)"{}", 2, &extra, NULL);
        payload = helper_json(text);
        g_assert_false(tg_thread_peer_reads_end(pair.bob));
        g_assert_cmpint(
                tg_thread_read(pair.bob, pair.key, &payload, &envelope, NULL), ==, TG_READ_OK);
        g_assert_true(tg_thread_peer_reads_end(pair.bob));
        g_assert_cmpstr(envelope->header.title, ==, "Garden");
}

static void
test_a_share_has_1024_messages(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *last = NULL;

        pair_init(&pair);
        for (guint i = 0; i < TG_MAX_MESSAGES_PER_SHARE; i++) {
                g_free(last);
                last = write_message(pair.alice, pair.key, "{}");
                if (i < TG_MAX_MESSAGES_PER_SHARE - 2)
                        expect(pair.bob, pair.key, last, TG_READ_OK);
        }
        g_assert_null(
                tg_thread_write(pair.alice, pair.key, "f", (const guint8 *)"{}", 2, NULL, &error));
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);

        /* received ones count as well as sent ones */
        g_assert_cmpuint(tg_thread_count(pair.bob), ==, TG_MAX_MESSAGES_PER_SHARE - 2);
        g_free(write_message(pair.bob, pair.key, "{}"));
        g_free(write_message(pair.bob, pair.key, "{}"));
        expect(pair.bob, pair.key, last, TG_READ_REFUSED);
}

static void
test_the_state_survives_storing(void)
{
        g_auto(Pair) pair = {0};
        g_autofree char *first = NULL;
        g_autofree char *answer = NULL;
        g_autoptr(GBytes) saved = NULL;
        g_autoptr(GBytes) again = NULL;
        g_autoptr(TgThread) loaded = NULL;
        gsize n_saved;
        const guint8 *bytes;

        pair_init(&pair);
        first = write_message(pair.alice, pair.key, "{}");
        expect(pair.bob, pair.key, first, TG_READ_OK);
        answer = write_message(pair.bob, pair.key, "{}");
        expect(pair.alice, pair.key, answer, TG_READ_OK);

        saved = tg_thread_save(pair.bob);
        bytes = g_bytes_get_data(saved, &n_saved);
        loaded = tg_thread_load(bytes, n_saved, NULL);
        again = tg_thread_save(loaded);
        g_assert_true(g_bytes_equal(saved, again));
        expect(loaded, pair.key, first, TG_READ_REFUSED);
        expect(loaded, pair.key, answer, TG_READ_NONE);

        for (gsize n = 0; n < n_saved; n++) {
                g_autofree guint8 *cut = g_memdup2(bytes, n);
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_thread_load(cut, n, &error));
                helper_assert_error(error, TG_ERROR_FAILED, NULL);
        }
}

static void
test_a_message_found_after_a_crash_counts_once(void)
{
        g_auto(Pair) pair = {0};
        g_autofree char *text = NULL;
        TgJson payload;

        pair_init(&pair);
        text = write_message(pair.alice, pair.key, "{}");
        payload = helper_json(text);
        g_assert_true(tg_thread_note_sent(pair.alice, &payload, 0, NULL));
        g_assert_cmpuint(tg_thread_count(pair.alice), ==, 1);
}

static void
test_what_cannot_be_written_changes_nothing(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(GBytes) before = NULL;
        g_autoptr(GBytes) after = NULL;
        g_autoptr(TgSecret) wrong_key = helper_secret_filled(1, 20);

        pair_init(&pair);
        before = tg_thread_save(pair.alice);
        g_assert_null(
                tg_thread_write(pair.alice, pair.key, "f", (const guint8 *)"[]", 2, NULL, NULL));
        g_assert_null(
                tg_thread_write(pair.alice, wrong_key, "f", (const guint8 *)"{}", 2, NULL, NULL));
        after = tg_thread_save(pair.alice);
        g_assert_true(g_bytes_equal(before, after));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/thread/a-conversation-arrives", test_a_conversation_arrives);
        g_test_add_func("/thread/a-relay-cannot-replay-reflect-or-swap",
                        test_a_relay_cannot_replay_reflect_or_swap);
        g_test_add_func("/thread/a-message-sealed-anew-is-judged-by-its-header",
                        test_a_message_sealed_anew_is_judged_by_its_header);
        g_test_add_func("/thread/a-wrong-key-changes-nothing", test_a_wrong_key_changes_nothing);
        g_test_add_func("/thread/a-bare-peer-stays-bare", test_a_bare_peer_stays_bare);
        g_test_add_func("/thread/a-header-cannot-be-stripped", test_a_header_cannot_be_stripped);
        g_test_add_func("/thread/an-overwritten-message-is-reported",
                        test_an_overwritten_message_is_reported);
        g_test_add_func("/thread/the-promise-to-read-the-end-is-kept-in-mind",
                        test_the_promise_to_read_the_end_is_kept_in_mind);
        g_test_add_func("/thread/a-share-has-1024-messages", test_a_share_has_1024_messages);
        g_test_add_func("/thread/the-state-survives-storing", test_the_state_survives_storing);
        g_test_add_func("/thread/a-message-found-after-a-crash-counts-once",
                        test_a_message_found_after_a_crash_counts_once);
        g_test_add_func("/thread/what-cannot-be-written-changes-nothing",
                        test_what_cannot_be_written_changes_nothing);

        return g_test_run();
}
