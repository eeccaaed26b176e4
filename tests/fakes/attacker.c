/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * attacker: many parties who hold a link and take part in its exchange as they like, each with
 * whatever is shown to it. It knows no more than links, and what was ever written to a mailbox. One
 * request a line on stdin, one answer a line on stdout ("-" where there is none), until the
 * input ends:
 *
 *   link LINK                      the mailbox's address, and what binds it (claim proof)
 *   join PARTY LINK CLAIM          a recipient's side
 *   pose PARTY LINK CLAIM PIN SID  a sender's side with a credential of its own, under the
 *                                  number of another's share: the offer's payload
 *   show PARTY PAYLOAD             what becomes of it: a word, and the payload to be written;
 *                                  who poses judges an answer at once
 *   type PARTY PIN                 the payload to be written
 *   guess                          some PIN with a right check digit
 *   sid LINK PAYLOAD               the number of the share whose offer this is
 *   seen PAYLOAD                   is remembered
 *   loot                           all that any key that any party ever had opens of all
 *                                  that was ever shown or seen, in hex
 *   clear                          all of it is forgotten
 *
 * It sends nothing: who sends what, to whom and when is for those who read it.
 */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/payload.h"
#include "protocol/pin.h"
#include "tests/fakes/lines.h"

#define HEAP_BYTES (4 * TG_SECURE_HEAP_BYTES) /* the keys of all of them */
#define FALSE_CREDENTIAL "{\"token\":\"worth nothing\"}"

typedef struct {
        TgExchange *exchange;
        guint8 sid[TG_SID_BYTES];
        TgExchangeFixed fixed; /* lent to the exchange */
} Party;

static GHashTable *parties;  /* name → Party */
static GPtrArray *keys;      /* TgSecret: every one that there ever was */
static GHashTable *payloads; /* a set of texts */

static void
party_free(gpointer data)
{
        Party *party = data;

        tg_exchange_free(party->exchange);
        g_free(party);
}

static void
start(void)
{
        parties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, party_free);
        keys = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        payloads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void
finish(void)
{
        g_clear_pointer(&parties, g_hash_table_unref);
        g_clear_pointer(&keys, g_ptr_array_unref);
        g_clear_pointer(&payloads, g_hash_table_unref);
}

/* ---- what is kept ---- */

static void
keep_key(TgSecret *key)
{
        if (key == NULL)
                return;
        for (guint i = 0; i < keys->len; i++)
                if (tg_secret_equal(g_ptr_array_index(keys, i), key))
                        return;
        g_ptr_array_add(keys, tg_secret_ref(key));
}

static void
keep_keys(const TgExchange *exchange)
{
        TgSecret *const all[] = {
                exchange->key,
                exchange->early,
                exchange->info_key,
                exchange->late_key,
                exchange->confirm,
                exchange->app_own,
                exchange->app_peer,
                exchange->exporter,
        };

        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                keep_key(all[i]);
}

static void
keep_keys_of_link(const TgLink *link)
{
        g_autoptr(TgSecret) early = tg_exchange_early(link->secret, NULL);

        keep_key(link->secret);
        keep_key(early);
        for (TgRole role = TG_ROLE_INITIATOR; early != NULL && role <= TG_ROLE_RECIPIENT; role++) {
                g_autoptr(TgSecret) key = tg_exchange_handshake_key(early, role, NULL);

                keep_key(key);
        }
}

static TgLink *
read_link(const char *text)
{
        g_autoptr(TgLink) link = tg_link_parse(text, strlen(text), FALSE, NULL);

        if (link == NULL || link->mailbox_url == NULL || link->secret == NULL)
                return NULL;
        keep_keys_of_link(link);
        return g_steal_pointer(&link);
}

/* ---- taking part ---- */

static const char *
word_of(TgOutputKind kind)
{
        switch (kind) {
        case TG_OUTPUT_NONE:
                return "none";
        case TG_OUTPUT_IGNORED:
                return "ignored";
        case TG_OUTPUT_WRITE:
                return "write";
        case TG_OUTPUT_CHARGE:
                return "charge";
        case TG_OUTPUT_CONFIRMED:
                return "confirmed";
        case TG_OUTPUT_WRONG_PIN:
                return "wrong-pin";
        case TG_OUTPUT_BURNED:
                return "burned";
        case TG_OUTPUT_PIN_NEEDED:
                return "pin-needed";
        case TG_OUTPUT_MESSAGE:
                return "message";
        case TG_OUTPUT_END:
                return "end";
        case TG_OUTPUT_SAY_AGAIN:
                return "say-again";
        }
        return "none";
}

static char *
dispatch(Party *party, const TgInput *input)
{
        g_auto(TgOutput) output = {0};
        TgInput charged = {.kind = TG_INPUT_CHARGED};

        keep_keys(party->exchange);
        if (!tg_exchange_dispatch(party->exchange, input, &output, NULL))
                return NULL;
        if (output.kind == TG_OUTPUT_CHARGE) {
                tg_output_clear(&output);
                output = (TgOutput){0};
                if (!tg_exchange_dispatch(party->exchange, &charged, &output, NULL))
                        return NULL;
        }
        keep_keys(party->exchange);
        if (output.payload == NULL)
                return g_strdup(word_of(output.kind));
        return g_strdup_printf("%s %s", word_of(output.kind), output.payload);
}

static TgSecret *
secret_of(const char *text)
{
        return tg_secret_new(text, strlen(text), NULL);
}

static Party *
new_party(const char *name, const TgExchangeTerms *terms)
{
        Party *party;
        TgExchange *exchange = tg_exchange_new(terms, NULL);

        if (exchange == NULL)
                return NULL;
        party = g_new0(Party, 1);
        party->exchange = exchange;
        g_hash_table_replace(parties, g_strdup(name), party);
        return party;
}

static TgMode
mode_of(const TgLink *link)
{
        switch (link->mode) {
        case TG_LINK_T2_PIN:
                return TG_MODE_T2_PIN;
        case TG_LINK_T2:
                return TG_MODE_T2;
        case TG_LINK_NO_SECRET:
        case TG_LINK_T1:
        case TG_LINK_TDCH:
                break;
        }
        return TG_MODE_T1;
}

static char *
join(char **words)
{
        g_autoptr(TgLink) link = read_link(words[1]);

        if (link == NULL)
                return NULL;
        const TgExchangeTerms terms = {
                .role = TG_ROLE_RECIPIENT,
                .mode = mode_of(link),
                .secret = link->secret,
                .claim = words[2],
                .place = link->mailbox_url,
                .is_headerless_allowed = TRUE,
        };
        return new_party(words[0], &terms) != NULL ? g_strdup("ok") : NULL;
}

static gboolean
take_sid(Party *party, const char *hex)
{
        g_autoptr(GBytes) sid = tg_hex_decode(hex);

        if (sid == NULL || g_bytes_get_size(sid) != TG_SID_BYTES)
                return FALSE;
        memcpy(party->sid, g_bytes_get_data(sid, NULL), TG_SID_BYTES);
        party->fixed.sid = party->sid;
        tg_exchange_fix(party->exchange, &party->fixed);
        return TRUE;
}

static char *
pose(char **words)
{
        g_autoptr(TgLink) link = read_link(words[1]);
        g_autoptr(TgSecret) pin = secret_of(words[3]);
        g_autoptr(TgSecret) content = secret_of(FALSE_CREDENTIAL);
        const TgInput begin = {
                .kind = TG_INPUT_BEGIN,
                .format = "digitalwallet.generic.authorizationToken",
                .content = content,
        };
        Party *party;

        if (link == NULL)
                return NULL;
        const TgExchangeTerms terms = {
                .role = TG_ROLE_INITIATOR,
                .mode = mode_of(link),
                .secret = link->secret,
                .claim = words[2],
                .place = link->mailbox_url,
                .pin = pin,
        };
        party = new_party(words[0], &terms);
        if (party == NULL || !take_sid(party, words[4]))
                return NULL;
        return dispatch(party, &begin);
}

static gboolean
parse(const char *text, TgJson *ret_payload)
{
        return tg_json_parse(text, strlen(text), TG_MAX_BODY_BYTES, ret_payload, NULL);
}

static char *
seen(char **words)
{
        g_hash_table_add(payloads, g_strdup(words[0]));
        return g_strdup("ok");
}

static char *
show(char **words)
{
        Party *party = g_hash_table_lookup(parties, words[0]);
        TgJson payload;
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        seen(words + 1);
        return party != NULL && parse(words[1], &payload) ? dispatch(party, &input) : NULL;
}

static char *
type(char **words)
{
        Party *party = g_hash_table_lookup(parties, words[0]);
        g_autoptr(TgSecret) pin = secret_of(words[1]);
        const TgInput input = {.kind = TG_INPUT_PIN, .pin = pin};

        return party != NULL ? dispatch(party, &input) : NULL;
}

/* ---- what anybody can work out ---- */

static char *
show_link(char **words)
{
        g_autoptr(TgLink) link = read_link(words[0]);
        guint8 proof[TG_CLAIM_PROOF_BYTES];
        g_autofree char *text = NULL;

        if (link == NULL || !tg_claim_proof(link->fragment, proof, NULL))
                return NULL;
        text = tg_base64_encode(TG_BASE64_URL, proof, sizeof proof);
        return g_strdup_printf("%s %s", link->mailbox_url, text);
}

static char *
guess(char **words)
{
        g_autoptr(TgSecret) pin = tg_pin_new(TG_PIN_DEFAULT_DIGITS, NULL);
        gsize n_chars;
        const char *digits = (const char *)tg_secret_get(pin, &n_chars);

        return g_strndup(digits, n_chars);
}

static char *
find_sid(char **words)
{
        g_autoptr(TgLink) link = read_link(words[0]);
        g_autoptr(TgSecret) early = link != NULL ? tg_exchange_early(link->secret, NULL) : NULL;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        TgJson payload;

        if (early == NULL || !parse(words[1], &payload))
                return NULL;
        key = tg_exchange_handshake_key(early, TG_ROLE_INITIATOR, NULL);
        plaintext = key != NULL ? tg_payload_open(key, &payload, NULL) : NULL;
        envelope = plaintext != NULL ? tg_envelope_parse(plaintext, NULL) : NULL;
        return envelope != NULL ? tg_hex_encode(envelope->header.sid, TG_SID_BYTES) : NULL;
}

static void
open_with_all(const char *text, GString *found)
{
        TgJson payload;

        if (!parse(text, &payload))
                return;
        for (guint i = 0; i < keys->len; i++) {
                g_autoptr(TgSecret) plaintext =
                        tg_payload_open(g_ptr_array_index(keys, i), &payload, NULL);
                g_autofree char *hex = NULL;
                const guint8 *bytes;
                gsize n_bytes;

                if (plaintext == NULL)
                        continue;
                bytes = tg_secret_get(plaintext, &n_bytes);
                hex = tg_hex_encode(bytes, n_bytes);
                g_string_append_printf(found, " %s", hex);
        }
}

static char *
loot(char **words)
{
        GString *found = g_string_new(NULL);
        GHashTableIter iter;
        gpointer text;

        g_string_append_printf(found, "%u %u", keys->len, g_hash_table_size(payloads));
        g_hash_table_iter_init(&iter, payloads);
        while (g_hash_table_iter_next(&iter, &text, NULL))
                open_with_all(text, found);
        return g_string_free(found, FALSE);
}

static char *
clear(char **words)
{
        finish();
        start();
        return g_strdup("ok");
}

/* ---- requests ---- */

static const struct {
        const char *name;
        guint n_words;
        char *(*answer)(char **words);
} verbs[] = {
        {"link",  1, show_link},
        {"join",  3, join     },
        {"pose",  5, pose     },
        {"show",  2, show     },
        {"type",  2, type     },
        {"guess", 0, guess    },
        {"sid",   2, find_sid },
        {"seen",  1, seen     },
        {"loot",  0, loot     },
        {"clear", 0, clear    },
};

static char *
answer(const char *line)
{
        g_auto(GStrv) words = g_strsplit(line, " ", 0);

        for (gsize i = 0; words[0] != NULL && i < G_N_ELEMENTS(verbs); i++)
                if (g_str_equal(words[0], verbs[i].name) &&
                    g_strv_length(words + 1) == verbs[i].n_words)
                        return verbs[i].answer(words + 1);
        return NULL;
}

int
main(void)
{
        if (tg_secret_init(HEAP_BYTES) == TG_SECRET_HEAP_FAILED)
                return 1;
        start();
        answer_lines(answer);
        finish();
        return 0;
}
