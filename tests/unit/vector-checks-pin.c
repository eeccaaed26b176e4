/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-checks-pin.h"

#include <string.h>

#include "protocol/crypto.h"
#include "protocol/exchange-private.h"
#include "protocol/pin.h"
#include "protocol/spake2.h"
#include "tests/unit/helper.h"
#include "tests/unit/vector-compare.h"

static char *
member_difference(const char *what, const TgSecret *got, const Node *vector)
{
        if (!got)
                return g_strdup_printf("%s: there is none", what);

        return difference(
                what, tg_secret_get(got, NULL), tg_secret_size(got), node_text(vector, what));
}

/* ---- pin ---- */

/* Zeros before a number do not change its check digit. */
static gboolean
is_pin(const char *digits, char check)
{
        g_autofree char *text = g_strdup_printf("000000%s%c", digits, check);
        gsize n_surplus = strlen(digits) >= 6 ? 6 : strlen(digits);
        g_autoptr(TgSecret) typed = helper_secret(text + n_surplus);
        g_autoptr(TgSecret) pin = tg_pin_parse(typed, 0, NULL);

        return pin != NULL;
}

static char *
check_digit(const Node *vector)
{
        const char *digits = node_text(vector, "digits");
        char wanted = node_text(vector, "check")[0];

        for (char check = '0'; check <= '9'; check++)
                if (is_pin(digits, check) != (check == wanted))
                        return g_strdup_printf("%c is judged wrongly", check);

        return NULL;
}

static char *
check_normalise(const Node *vector)
{
        g_autoptr(TgSecret) typed = helper_secret(node_text(vector, "in"));
        GError *error = NULL;
        g_autoptr(TgSecret) pin = tg_pin_parse(typed, 0, &error);

        if (!pin)
                return refused(error);

        return text_difference(
                "out", (const char *)tg_secret_get(pin, NULL), node_text(vector, "out"));
}

static char *
check_invalid(const Node *vector)
{
        const GString *text = node_get(vector, "in")->text;
        g_autoptr(TgSecret) typed = helper_secret(text->str);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) pin = tg_pin_parse(typed, 0, &error);

        if (pin)
                return not_refused(node_text(vector, "why"));
        helper_assert_error(error, TG_ERROR_INVALID, text->len > 0 ? text->str : NULL);

        return NULL;
}

static char *
check_scalar(const Node *vector)
{
        g_autoptr(TgSecret) secret = secret_of(vector, "secret");
        g_autoptr(TgSecret) sid = secret_of(vector, "sid");
        g_autoptr(TgSecret) pin = helper_secret(node_text(vector, "pin"));
        g_autoptr(TgSecret) early = tg_exchange_early(secret, NULL);
        g_autoptr(TgSecret) salt = NULL;
        g_autoptr(TgSecret) wide = NULL;
        g_autoptr(TgSecret) w = NULL;
        char *wrong = member_difference("earlySecret", early, vector);

        if (wrong)
                return wrong;
        salt = tg_hkdf_expand_label(TG_HASH_SHA256,
                                    early,
                                    "tg pin salt",
                                    tg_secret_get(sid, NULL),
                                    tg_secret_size(sid),
                                    32,
                                    NULL);
        wrong = member_difference("pinSalt", salt, vector);
        if (wrong)
                return wrong;
        wide = tg_scrypt(pin, salt, TG_SCRYPT_LOG2_N, 40, NULL);
        wrong = member_difference("scrypt", wide, vector);
        if (wrong)
                return wrong;
        w = tg_exchange_w(early,
                          tg_secret_get(sid, NULL),
                          tg_secret_size(pin) > 0 ? pin : NULL,
                          TG_SCRYPT_LOG2_N,
                          NULL);

        return member_difference("w", w, vector);
}

const Section pin_sections[] = {
        {"checkDigit", check_digit    },
        {"normalise",  check_normalise},
        {"invalid",    check_invalid  },
        {"scalar",     check_scalar   },
        {NULL,         NULL           },
};

/* ---- spake2 ---- */

typedef struct {
        TgSecret *w, *x, *y, *element, *transcript;
        guint8 share_a[TG_SPAKE2_SHARE_BYTES], share_b[TG_SPAKE2_SHARE_BYTES];
        TgSpake2Keys keys;
} Run;

static void
run_clear(Run *run)
{
        TgSecret **secrets[] = {&run->w, &run->x, &run->y, &run->element, &run->transcript};

        for (gsize i = 0; i < G_N_ELEMENTS(secrets); i++)
                g_clear_pointer(secrets[i], tg_secret_unref);
        tg_spake2_keys_clear(&run->keys);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static char *
check_shares(Run *run, const Node *vector)
{
        g_autoptr(TgSecret) other = NULL;
        GError *error = NULL;
        char *wrong;

        if (!tg_spake2_share(TG_SPAKE2_A, run->w, run->x, run->share_a, &error) ||
            !tg_spake2_share(TG_SPAKE2_B, run->w, run->y, run->share_b, &error))
                return refused(error);
        wrong = difference("pA", run->share_a, sizeof run->share_a, node_text(vector, "pA"));
        if (!wrong)
                wrong = difference(
                        "pB", run->share_b, sizeof run->share_b, node_text(vector, "pB"));
        if (wrong)
                return wrong;

        run->element = tg_spake2_element(TG_SPAKE2_A, run->w, run->x, run->share_b, &error);
        if (!run->element)
                return refused(error);
        other = tg_spake2_element(TG_SPAKE2_B, run->w, run->y, run->share_a, &error);
        if (!other)
                return refused(error);
        wrong = member_difference("K", run->element, vector);

        return wrong ? wrong : member_difference("K", other, vector);
}

static char *
check_run(const Node *vector, const TgSecret *id_a, const TgSecret *id_b, const TgSecret *aad)
{
        g_auto(Run) run = {0};
        TgSpake2Parties parties = {.share_a = run.share_a, .share_b = run.share_b};
        GError *error = NULL;
        char *wrong;

        run.w = secret_of(vector, "w");
        run.x = secret_of(vector, "x");
        run.y = secret_of(vector, "y");
        wrong = check_shares(&run, vector);
        if (wrong)
                return wrong;

        parties.id_a = tg_secret_get(id_a, &parties.n_id_a);
        parties.id_b = tg_secret_get(id_b, &parties.n_id_b);
        run.transcript = tg_spake2_transcript(&parties, run.element, run.w, &error);
        if (!run.transcript || !tg_spake2_keys(run.transcript,
                                               tg_secret_get(aad, NULL),
                                               tg_secret_size(aad),
                                               &run.keys,
                                               &error))
                return refused(error);
        wrong = member_difference("TT", run.transcript, vector);
        if (!wrong)
                wrong = member_difference("Ke", run.keys.ke, vector);
        if (!wrong)
                wrong = member_difference("Ka", run.keys.ka, vector);
        if (!wrong)
                wrong = member_difference("cA", run.keys.confirm_a, vector);

        return wrong ? wrong : member_difference("cB", run.keys.confirm_b, vector);
}

static char *
check_spake2_run(const Node *vector)
{
        g_autoptr(TgSecret) id_a = secret_of(vector, "idA");
        g_autoptr(TgSecret) id_b = secret_of(vector, "idB");
        g_autoptr(TgSecret) aad = secret_of(vector, "aad");

        return check_run(vector, id_a, id_b, aad);
}

static char *
check_published_run(const Node *vector)
{
        g_autoptr(TgSecret) id_a = helper_secret(node_text(vector, "A"));
        g_autoptr(TgSecret) id_b = helper_secret(node_text(vector, "B"));
        g_autoptr(TgSecret) aad = helper_secret("");

        return check_run(vector, id_a, id_b, aad);
}

static gboolean
is_share(const char *hex)
{
        g_autoptr(TgSecret) bytes = helper_secret_from_hex(hex);

        return tg_spake2_is_share(tg_secret_get(bytes, NULL), tg_secret_size(bytes));
}

static char *
check_point(const Node *vector)
{
        return is_share(vector->text->str) ? NULL : g_strdup("was refused");
}

static char *
check_point_reject(const Node *vector)
{
        return is_share(node_text(vector, "hex")) ? not_refused(node_text(vector, "why")) : NULL;
}

static char *
check_identity(const Node *vector)
{
        TgSpake2Side side = g_str_equal(node_text(vector, "side"), "A") ? TG_SPAKE2_A : TG_SPAKE2_B;
        g_autoptr(TgSecret) w = secret_of(vector, "w");
        g_autoptr(TgSecret) scalar = secret_of(vector, "scalar");
        g_autoptr(TgSecret) share = secret_of(vector, "peerShare");
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) element = NULL;

        if (!tg_spake2_is_share(tg_secret_get(share, NULL), tg_secret_size(share)))
                return g_strdup("the share itself was refused");
        element = tg_spake2_element(side, w, scalar, tg_secret_get(share, NULL), &error);
        if (element)
                return not_refused("it leads to infinity");
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);

        return NULL;
}

const Section spake2_sections[] = {
        {"runs",         check_spake2_run  },
        {"pointsAccept", check_point       },
        {"pointsReject", check_point_reject},
        {"identity",     check_identity    },
        {NULL,           NULL              },
};

const Section spake2_rfc9382_sections[] = {
        {"vectors", check_published_run},
        {NULL,      NULL               },
};
