/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * peer: the cryptography of somebody who holds a link and does with it what no
 * wallet of ours would do. One request a line on stdin, one answer a line on stdout
 * ("-" where there is none), until the input ends:
 *
 *   seal KEY OCTETS         a payload around any octets at all
 *   open KEY PAYLOAD        the octets in a payload
 *   proof FRAGMENT-OCTETS   what binds the mailbox, and what the relay keeps of it
 *   drop KEY SUITE OCTETS   plain HTTP: where message 0 lies, and what lies there
 *
 * Keys, octets and suites are hex. It judges nothing: that is for those who read it.
 */

#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "protocol/tdch.h"
#include "tests/fakes/lines.h"

static TgSecret *
from_hex(const char *hex)
{
        g_autoptr(GBytes) bytes = hex != NULL ? tg_hex_decode(hex) : NULL;

        if (bytes == NULL)
                return NULL;
        return tg_secret_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), NULL);
}

static char *
seal(const TgSecret *key, const char *argument)
{
        g_autoptr(TgSecret) octets = from_hex(argument);

        return octets != NULL ? tg_payload_seal(key, NULL, octets, NULL) : NULL;
}

static char *
open_payload(const TgSecret *key, const char *argument)
{
        g_autoptr(TgSecret) octets = NULL;
        const guint8 *bytes;
        gsize n_bytes;
        TgJson payload;

        if (!tg_json_parse(argument, strlen(argument), TG_MAX_BODY_BYTES, &payload, NULL))
                return NULL;
        octets = tg_payload_open(key, &payload, NULL);
        if (octets == NULL)
                return NULL;
        bytes = tg_secret_get(octets, &n_bytes);
        return tg_hex_encode(bytes, n_bytes);
}

static char *
prove(const TgSecret *fragment)
{
        guint8 proof[TG_CLAIM_PROOF_BYTES];
        guint8 verifier[TG_SHA256_BYTES];
        g_autofree char *proof_text = NULL;
        g_autofree char *verifier_text = NULL;

        if (!tg_claim_proof(fragment, proof, NULL))
                return NULL;
        tg_claim_verifier(proof, verifier);
        proof_text = tg_base64_encode(TG_BASE64_URL, proof, sizeof proof);
        verifier_text = tg_base64_encode(TG_BASE64_URL, verifier, sizeof verifier);
        return g_strdup_printf("%s %s", proof_text, verifier_text);
}

static char *
drop(const TgSecret *key, const char *suite, const char *message)
{
        g_autoptr(TgSecret) octets = from_hex(message);
        g_autoptr(TgTdch) tdch = NULL;
        g_autoptr(GBytes) sealed = NULL;
        g_autofree char *hex = NULL;
        char location[TG_TDCH_LOCATION_CHARS + 1];

        tdch = tg_tdch_new(TG_ROLE_INITIATOR, (guint16)strtoul(suite, NULL, 16), key, NULL);
        if (tdch == NULL || octets == NULL)
                return NULL;
        sealed = tg_tdch_write(tdch, octets, NULL, location, NULL);
        if (sealed == NULL)
                return NULL;
        hex = tg_hex_encode(g_bytes_get_data(sealed, NULL), g_bytes_get_size(sealed));
        return g_strdup_printf("%s %s", location, hex);
}

/* "VERB KEY REST" */
static char *
answer(const char *line)
{
        g_auto(GStrv) words = g_strsplit(line, " ", strncmp(line, "drop ", 5) == 0 ? 4 : 3);
        guint n_words = g_strv_length(words);
        g_autoptr(TgSecret) key = from_hex(n_words > 1 ? words[1] : NULL);

        if (key == NULL)
                return NULL;
        if (n_words == 3 && strcmp(words[0], "seal") == 0)
                return seal(key, words[2]);
        if (n_words == 3 && strcmp(words[0], "open") == 0)
                return open_payload(key, words[2]);
        if (n_words == 2 && strcmp(words[0], "proof") == 0)
                return prove(key);
        if (n_words == 4 && strcmp(words[0], "drop") == 0)
                return drop(key, words[2], words[3]);
        return NULL;
}

int
main(void)
{
        if (tg_secret_init(TG_SECURE_HEAP_BYTES) == TG_SECRET_HEAP_FAILED)
                return 1;
        answer_lines(answer);
        return 0;
}
