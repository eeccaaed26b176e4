/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * T1 and T2 with and without PIN: four devices with one link (exchange-parties.h), a relay that
 * shows whatever it likes, and somebody who knows the link's keys. The first octet is the mode,
 * the others are steps, see step(). Every state is saved and loaded.
 */

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "tests/fuzz/exchange-parties.h"

#define MAX_STEPS 48

typedef struct {
        FuzzInput input;
        Parties parties;
        gboolean is_answer_lost;
} Run;

/* ---- what honest owners do ---- */

static void
say(Run *run, Who who, TgInputKind kind, const char *format, const char *text)
{
        static const TgHeader header = {
                .reads_end = TRUE,
                .title = (char *)"A key",
                .description = (char *)"for you",
        };
        g_autoptr(TgSecret) content = helper_secret(text);
        const TgInput input = {
                .kind = kind,
                .format = format,
                .content = content,
                .header = &header,
        };

        parties_dispatch(&run->parties, who, &input, NULL, NULL);
}

/* With the upload the initiator learns the address; or does not, for its answer was lost. */
static void
begin(Run *run, Who who)
{
        say(run, who, TG_INPUT_BEGIN, PARTIES_FORMAT, "{\"token\":\"s3cret\"}");
        if (!run->is_answer_lost && !run->parties.parties[who].exchange->place)
                parties_set_place(&run->parties, who);
}

static void
read_seen(Run *run, Who who, guint number)
{
        const Seen *seen = parties_seen(&run->parties, number);
        TgJson payload;
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        if (seen &&
            tg_json_parse(seen->payload, strlen(seen->payload), TG_MAX_BODY_BYTES, &payload, NULL))
                parties_dispatch(&run->parties, who, &input, seen, NULL);
}

static void
type(Run *run, Who who, const void *bytes, gsize n_bytes)
{
        g_autoptr(TgSecret) typed = fuzz_secret(bytes, n_bytes);
        const TgInput input = {.kind = TG_INPUT_PIN, .pin = typed};

        parties_dispatch(&run->parties, who, &input, NULL, typed);
}

static void
type_any(Run *run, Who who, guint8 n)
{
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, n, &n_bytes);

        type(run, who, bytes, n_bytes);
}

static void
charge(Run *run, Who who)
{
        const TgInput input = {.kind = TG_INPUT_CHARGED};

        parties_dispatch(&run->parties, who, &input, NULL, NULL);
}

/* ---- what others may do ---- */

/* A key that somebody has: the link's, in both directions, or one of @who's session. */
static const TgSecret *
find_key(Run *run, Who who, guint which, TgSecret **ret_own)
{
        const TgExchange *exchange = run->parties.parties[who].exchange;
        g_autoptr(TgSecret) secret = fuzz_key(0x4b, 32);
        g_autoptr(TgSecret) early = tg_exchange_early(secret, NULL);

        switch (which % 4) {
        case 0:
        case 1:
                *ret_own = run->parties.mode == TG_MODE_T1
                                   ? g_steal_pointer(&secret)
                                   : tg_exchange_handshake_key(early, (TgRole)(which % 4), NULL);
                return *ret_own;
        case 2:
                return exchange->app_own;
        default:
                return exchange->app_peer;
        }
}

static void
seal(Run *run, const TgSecret *key, const void *bytes, gsize n_bytes, const char *typed)
{
        g_autoptr(TgSecret) plaintext = NULL;
        char *payload;

        if (n_bytes > TG_MAX_PLAINTEXT_BYTES)
                return;
        plaintext = fuzz_secret(bytes, n_bytes);
        payload = tg_payload_seal(key, NULL, plaintext, NULL);
        g_assert_nonnull(payload);
        parties_add_seen(&run->parties, payload, typed);
}

/* Any plaintext. */
static void
forge(Run *run, Who who, guint8 which, guint8 n)
{
        g_autoptr(TgSecret) own = NULL;
        const TgSecret *key = find_key(run, who, which, &own);
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, 8 * (gsize)n, &n_bytes);

        if (key)
                seal(run, key, bytes, n_bytes, NULL);
}

/* A plaintext of somebody's with a part of it replaced, sealed again. The padding is cut off
 * first, so that places are near. */
static void
edit(Run *run, Who who, guint8 which, guint8 number)
{
        g_autoptr(TgSecret) own = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(GString) text = NULL;
        const TgSecret *key = find_key(run, who, which, &own);
        const Seen *seen = parties_seen(&run->parties, number);
        guint8 at = fuzz_take_octet(&run->input), n_cut = fuzz_take_octet(&run->input);
        guint8 n_put = fuzz_take_octet(&run->input) & 0x3f;
        gsize n_bytes, place;
        const guint8 *bytes = fuzz_take(&run->input, n_put, &n_bytes);
        const char *pad;
        TgJson payload;

        if (!key || !seen ||
            !tg_json_parse(seen->payload, strlen(seen->payload), TG_MAX_BODY_BYTES, &payload, NULL))
                return;
        plaintext = tg_payload_open(key, &payload, NULL);
        if (!plaintext)
                return;
        text = g_string_new_len((const char *)tg_secret_get(plaintext, NULL),
                                (gssize)tg_secret_size(plaintext));
        pad = strstr(text->str, "00000000");
        if (pad && strlen(pad) > 2) {
                place = (gsize)(pad - text->str);
                g_string_erase(text, (gssize)place, (gssize)strspn(pad, "0"));
        }
        place = text->len * at / 256;
        g_string_erase(text, (gssize)place, (gssize)MIN(n_cut & 0x1f, text->len - place));
        g_string_insert_len(text, (gssize)place, (const char *)bytes, (gssize)n_bytes);
        seal(run, key, text->str, text->len, seen->typed);
}

/* Without any key. Done twice it is undone: what stands behind it stays. */
static void
damage(Run *run, guint8 number, guint8 at)
{
        const Seen *seen = parties_seen(&run->parties, number);
        char *text;

        if (!seen)
                return;
        text = g_strdup(seen->payload);
        text[strlen(text) * at / 256] ^= 1;
        parties_add_seen(&run->parties, text, seen->typed);
}

/* A state whose file was tampered with; nobody's any more. */
static void
tamper(Run *run, Who who)
{
        g_autoptr(TgSecret) saved = tg_exchange_save(run->parties.parties[who].exchange, NULL);
        g_autofree guint8 *octets = g_memdup2(tg_secret_get(saved, NULL), tg_secret_size(saved));
        g_autoptr(TgSecret) changed = NULL;
        guint n_changes = 1 + (fuzz_take_octet(&run->input) & 7);

        while (n_changes-- > 0 && run->input.n_left >= 2) {
                gsize at = fuzz_take_octet(&run->input);

                octets[MIN(at, tg_secret_size(saved) - 1)] = fuzz_take_octet(&run->input);
        }
        changed = fuzz_secret(octets, tg_secret_size(saved));
        if (!parties_load(&run->parties, who, changed))
                return;
        for (guint i = 0; i < MIN(run->parties.seen->len, 8); i++)
                read_seen(run, who, i);
        charge(run, who);
        type(run, who, PARTIES_PIN, strlen(PARTIES_PIN));
        say(run, who, TG_INPUT_SAY, PARTIES_FORMAT, "{}");
}

/* ---- */

/* Nobody interferes: the credential arrives, and the two can talk. */
static void
be_honest(Run *run)
{
        const TgExchange *alice, *bob;
        gboolean is_t1 = run->parties.mode == TG_MODE_T1;
        guint n_seen;

        begin(run, ALICE);
        read_seen(run, BOB, run->parties.seen->len - 1);
        if (run->parties.mode == TG_MODE_T2_PIN)
                type(run, BOB, PARTIES_PIN, strlen(PARTIES_PIN));
        if (!is_t1) {
                read_seen(run, ALICE, run->parties.seen->len - 1);
                charge(run, ALICE);
                read_seen(run, BOB, run->parties.seen->len - 1);
        }
        n_seen = run->parties.seen->len;
        say(run, BOB, TG_INPUT_SAY, PARTIES_FORMAT, "{}");
        read_seen(run, ALICE, run->parties.seen->len - 1);
        say(run, BOB, TG_INPUT_SAY, TG_END_FORMAT, "{\"outcome\":\"completed\"}");
        g_assert_cmpuint(run->parties.seen->len, ==, n_seen + 2);
        read_seen(run, ALICE, n_seen + 1);

        bob = run->parties.parties[BOB].exchange;
        alice = run->parties.parties[ALICE].exchange;
        g_assert_cmpint(bob->phase, ==, TG_PHASE_OPEN);
        g_assert_cmpint(alice->phase, ==, TG_PHASE_ENDED);
        g_assert_true(tg_exchange_is_given(alice));
        g_assert_cmpint(tg_exchange_is_confirmed(bob), ==, !is_t1);
}

static void
take_turn(Run *run, Who who, guint8 octet)
{
        guint n_seen;

        switch (octet) {
        case 0: /* the newest, as an honest relay would show it */
        case 1:
                read_seen(run, who, run->parties.seen->len - 1);
                break;
        case 2:
                read_seen(run, who, fuzz_take_octet(&run->input));
                break;
        case 3:
                begin(run, who);
                break;
        case 4:
                type(run, who, PARTIES_PIN, strlen(PARTIES_PIN));
                break;
        case 5:
                type(run, who, PARTIES_OTHER, strlen(PARTIES_OTHER));
                break;
        case 6:
                type_any(run, who, fuzz_take_octet(&run->input) & 0x1f);
                break;
        case 7:
                charge(run, who);
                break;
        case 8:
                say(run, who, TG_INPUT_SAY, PARTIES_FORMAT, "{\"more\":1}");
                break;
        case 9:
                say(run, who, TG_INPUT_SAY, TG_END_FORMAT, "{\"outcome\":\"completed\"}");
                break;
        case 10:
                tg_exchange_written(run->parties.parties[who].exchange);
                break;
        case 11:
                say(run, who, TG_INPUT_SAY, TG_ACCEPT_FORMAT, "{}");
                break;
        case 14: /* content that none can have */
                n_seen = run->parties.seen->len;
                say(run, who, TG_INPUT_BEGIN, PARTIES_FORMAT, "[]");
                say(run, who, TG_INPUT_BEGIN, PARTIES_FORMAT, "{},\"more\":{}");
                g_assert_cmpuint(run->parties.seen->len, ==, n_seen);
                break;
        case 13:
                parties_set_place(&run->parties, who);
                break;
        case 12:
                run->parties.n_fail_at = fuzz_take_octet(&run->input) & 0x3f;
                break;
        }
}

static void
step(Run *run)
{
        guint8 octet = fuzz_take_octet(&run->input);
        Who who = (Who)(octet >> 6);
        guint8 number;

        if ((octet & 0x10) == 0) {
                take_turn(run, who, octet & 0x0f);
                return;
        }

        number = fuzz_take_octet(&run->input);
        switch (octet & 0x03) {
        case 0:
                forge(run, who, octet >> 2, number);
                break;
        case 1:
                edit(run, who, octet >> 2, number);
                break;
        case 2:
                damage(run, number, fuzz_take_octet(&run->input));
                break;
        case 3:
                tamper(run, who);
                break;
        }
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        Run run = {
                .input = {bytes, n_bytes}
        };
        guint8 flags = fuzz_take_octet(&run.input);
        gboolean is_own = TRUE; /* nobody's state was exchanged for another */

        run.is_answer_lost = (flags & 0x40) != 0;
        parties_init(&run.parties, (TgMode)(flags % 3), (flags & 0x80) != 0);
        if (run.input.n_left == 0 && !run.is_answer_lost)
                be_honest(&run);
        for (guint i = 0; i < MAX_STEPS && run.input.n_left > 0; i++) {
                step(&run);
                for (Who who = ALICE; who < N_PARTIES; who++)
                        is_own &= !run.parties.parties[who].is_foreign;
                if (is_own)
                        parties_check(&run.parties);
        }
        parties_clear(&run.parties);
}
