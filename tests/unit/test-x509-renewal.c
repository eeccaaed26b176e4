/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A grant that is renewed: what follows what, and what is inside of it. */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/vertical.h"
#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "helper.h"
#include "x509-fixture.h"

#define LIFE_S 3600
#define BINDING "0123456789abcdef0123456789abcdef"

static gint64
now(void)
{
        return g_get_real_time() / G_USEC_PER_SEC;
}

static void
make_renewed(TgX509Grant *grant)
{
        grant->life_s = LIFE_S;
        grant->n_renewals = 5;
        grant->to_s = (guint64)now() + 10 * LIFE_S;
}

static GVariant *
terms_of(const TgX509Grant *grant, const char *key)
{
        g_autoptr(GVariantDict) terms = g_variant_dict_new(NULL);
        g_autofree char *offer = tg_x509_grant_write(grant);

        g_variant_dict_insert(terms, "offer", "s", offer);
        g_variant_dict_insert(terms, "crl", "s", "/crl");
        g_variant_dict_insert(terms, "ca-key", "s", key);
        return g_variant_ref_sink(g_variant_dict_end(terms));
}

static void
read_offer(GVariant *terms, TgX509Grant *ret_grant)
{
        g_autoptr(GError) error = NULL;
        const char *offer;
        TgJson json;

        g_assert_true(g_variant_lookup(terms, "offer", "&s", &offer));
        g_assert_true(tg_json_parse(offer, strlen(offer), strlen(offer), &json, NULL));
        tg_x509_grant_parse(&json, ret_grant, &error);
        g_assert_no_error(error);
}

/* ---- what follows ---- */

static void
test_what_follows_is_less_of_the_same(X509Fixture *self, gconstpointer data)
{
        g_auto(TgSequel) sequel = {};
        g_auto(TgX509Grant) next = {};
        g_autoptr(GVariant) terms = NULL;
        const char *key;

        make_renewed(&self->grant);
        terms = terms_of(&self->grant, "/key");
        g_assert_true(tg_x509_sequel(terms, now(), &sequel));
        g_assert_cmpint(sequel.until_s, ==, self->grant.to_s);
        g_assert_cmpint(sequel.from_s, >=, now() + LIFE_S / 2 - 5);
        g_assert_cmpint(sequel.from_s, <=, now() + LIFE_S / 2);
        read_offer(sequel.terms, &next);
        g_assert_true(tg_x509_grant_goes_on(&self->grant, &next));
        g_assert_cmpuint(next.n_renewals, ==, 4);
        g_assert_true(g_variant_lookup(sequel.terms, "ca-key", "&s", &key));
        g_assert_cmpstr(key, ==, "/key");
}

static void
assert_is_last(const TgX509Grant *grant, gint64 now_s)
{
        g_autoptr(GVariant) terms = terms_of(grant, "/key");
        g_auto(TgSequel) sequel = {};

        g_assert_false(tg_x509_sequel(terms, now_s, &sequel));
        g_assert_null(sequel.terms);
}

static void
test_nothing_follows_the_last(X509Fixture *self, gconstpointer data)
{
        assert_is_last(&self->grant, now()); /* of one certificate */
        make_renewed(&self->grant);
        assert_is_last(&self->grant, (gint64)self->grant.to_s - LIFE_S);
        assert_is_last(&self->grant, (gint64)self->grant.to_s + 1);
        self->grant.n_renewals = 0;
        assert_is_last(&self->grant, now());
}

static void
test_a_grant_that_is_too_long_is_refused(X509Fixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        static const struct {
                guint32 life_s;
                guint32 n_renewals;
        } wrong[] = {
                {9,                      5                       },
                {TG_X509_MAX_LIFE_S + 1, 5                       },
                {LIFE_S,                 TG_X509_MAX_RENEWALS + 1},
        };

        make_renewed(&self->grant);
        g_assert_true(tg_x509_grant_check(&self->grant, &error));
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) refused = NULL;

                self->grant.life_s = wrong[i].life_s;
                self->grant.n_renewals = wrong[i].n_renewals;
                g_assert_false(tg_x509_grant_check(&self->grant, &refused));
                x509_assert_says(refused, TG_ERROR_INVALID, "10 seconds to 6 days");
        }
}

/* ---- the recipient ---- */

/* His step for a certificate of this time, after he has asked. */
static void
receive(X509Fixture *self,
        TgSecret *inherited,
        guint64 from_s,
        guint64 to_s,
        TgStepAnswer *ret_answer)
{
        g_autofree char *offer = tg_x509_grant_write(&self->grant);
        g_autoptr(TgSecret) binding = helper_secret(BINDING);
        g_autofree char *challenge = tg_x509_challenge(&(TgStepContext){.binding = binding}, NULL);
        g_auto(TgStepAnswer) asked = {};
        g_autoptr(GBytes) request = NULL;
        g_autoptr(EVP_PKEY) key = NULL;
        g_autoptr(GBytes) der = NULL;
        g_autoptr(TgSecret) answer = NULL;
        TgX509Grant one = self->grant; /* lent */

        x509_run_recipient(0, binding, NULL, inherited, offer, &asked);
        g_assert_cmpint(asked.kind, ==, TG_ANSWER_SAY);
        request = x509_request_of(&asked);
        key = tg_x509_request_check(request, self->grant.key, challenge, NULL);
        g_assert_nonnull(key);
        one.from_s = from_s;
        one.to_s = to_s;
        der = x509_issue(self, &one, key, self->ca_key);
        answer = tg_x509_say_octets("certificate", der, NULL);
        x509_run_recipient(1,
                           binding,
                           asked.state,
                           inherited,
                           (const char *)tg_secret_get(answer, NULL),
                           ret_answer);
}

static void
test_a_certificate_lives_no_longer_than_was_offered(X509Fixture *self, gconstpointer data)
{
        guint64 now_s = (guint64)now();
        g_auto(TgStepAnswer) kept = {};

        make_renewed(&self->grant);
        self->grant.from_s = now_s - LIFE_S;
        receive(self, NULL, now_s - TG_X509_SLACK_S, now_s + LIFE_S, &kept);
        g_assert_cmpint(kept.kind, ==, TG_ANSWER_KEEP);
        g_assert_cmpuint(kept.provision.not_before_s, ==, now_s - TG_X509_SLACK_S);
        g_assert_cmpuint(kept.provision.not_after_s, ==, now_s + LIFE_S);
        g_assert_nonnull(kept.heritage);

        const struct {
                guint64 from_s;
                guint64 to_s;
                const char *part;
        } wrong[] = {
                {now_s - TG_X509_SLACK_S, now_s + LIFE_S + 1,   "for longer"  },
                {now_s,                   self->grant.to_s,     "for longer"  },
                {self->grant.to_s - 60,   self->grant.to_s + 1, "for longer"  },
                {self->grant.from_s - 1,  now_s + 60,           "for longer"  },
                {now_s - 120,             now_s - 60,           "over already"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_auto(TgStepAnswer) refused = {};

                receive(self, NULL, wrong[i].from_s, wrong[i].to_s, &refused);
                g_assert_cmpint(refused.kind, ==, TG_ANSWER_FAILED);
                x509_assert_says(refused.error, TG_ERROR_INVALID, wrong[i].part);
                g_assert_null(refused.provision.content);
        }
}

static void
test_a_renewal_is_better_than_what_is_there(X509Fixture *self, gconstpointer data)
{
        guint64 now_s = (guint64)now();
        g_auto(TgStepAnswer) first = {};
        g_auto(TgStepAnswer) kept = {};

        make_renewed(&self->grant);
        self->grant.from_s = now_s - 2 * LIFE_S;
        receive(self, NULL, now_s - LIFE_S / 2, now_s + LIFE_S / 2, &first);
        g_assert_cmpint(first.kind, ==, TG_ANSWER_KEEP);
        tg_x509_grant_number(&self->grant);
        self->grant.n_renewals--;

        const struct {
                guint64 from_s;
                guint64 to_s;
        } wrong[] = {
                {now_s - LIFE_S / 2, now_s + LIFE_S / 2    },
                {now_s - LIFE_S,     now_s + 60            },
                {now_s + 600,        now_s + 600 + LIFE_S  },
                {now_s + 5 * LIFE_S, now_s + 6 * LIFE_S - 1},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_auto(TgStepAnswer) refused = {};

                receive(self, first.heritage, wrong[i].from_s, wrong[i].to_s, &refused);
                g_assert_cmpint(refused.kind, ==, TG_ANSWER_FAILED);
                x509_assert_says(refused.error, TG_ERROR_INVALID, "what is there is kept");
        }
        receive(self, first.heritage, now_s - 60, now_s + LIFE_S, &kept);
        g_assert_cmpint(kept.kind, ==, TG_ANSWER_KEEP);
}

static void
assert_next(const TgX509Grant *next, TgSecret *inherited, gboolean is_right)
{
        g_autofree char *offer = tg_x509_grant_write(next);
        g_autoptr(TgSecret) binding = helper_secret(BINDING);
        g_auto(TgStepAnswer) answer = {};

        x509_run_recipient(0, binding, NULL, inherited, offer, &answer);
        g_assert_cmpint(answer.kind, ==, is_right ? TG_ANSWER_SAY : TG_ANSWER_FAILED);
        if (!is_right)
                x509_assert_says(answer.error, TG_ERROR_INVALID, "not what was accepted before");
        g_assert_true((answer.state != NULL) == is_right);
}

static void
test_a_renewal_is_of_what_was_accepted(X509Fixture *self, gconstpointer data)
{
        g_autofree char *text = NULL;
        g_autoptr(TgSecret) inherited = NULL;
        g_autoptr(GBytes) other_ca = NULL;
        g_autoptr(EVP_PKEY) other_key = tg_x509_key_new(self->grant.key, NULL);
        TgX509Grant *grant = &self->grant;
        GBytes *ca = grant->ca;
        char *subject = grant->subject;
        GStrv names = grant->names;
        char *no_names[] = {NULL};

        make_renewed(grant);
        text = tg_x509_grant_write(grant);
        inherited = helper_secret(text);
        assert_next(grant, inherited, FALSE); /* the same number, as many to come */
        tg_x509_grant_number(grant);
        assert_next(grant, inherited, FALSE);
        grant->n_renewals--;
        assert_next(grant, inherited, TRUE);

        other_ca = x509_new_authority(other_key, &(X509Wrong){});
        grant->ca = other_ca;
        assert_next(grant, inherited, FALSE);
        grant->ca = ca;
        grant->subject = (char *)"CN=root";
        assert_next(grant, inherited, FALSE);
        grant->subject = subject;
        grant->names = no_names;
        assert_next(grant, inherited, FALSE);
        grant->names = names;
        grant->key = grant->key == TG_X509_P256 ? TG_X509_ED25519 : TG_X509_P256;
        assert_next(grant, inherited, FALSE);
        grant->key = grant->key == TG_X509_P256 ? TG_X509_ED25519 : TG_X509_P256;
        grant->life_s++;
        assert_next(grant, inherited, FALSE);
        grant->life_s = 0;
        assert_next(grant, inherited, FALSE);
        grant->life_s = LIFE_S;
        grant->to_s++;
        assert_next(grant, inherited, FALSE);
        grant->to_s--;
        grant->from_s--;
        assert_next(grant, inherited, FALSE);
        grant->from_s++;
        assert_next(grant, inherited, TRUE);
}

/* ---- the initiator ---- */

/* His answer to who holds @key, and speaks in the share that is @bound_to. */
static void
ask(GVariant *terms, EVP_PKEY *key, const char *bound_to, TgStepAnswer *ret_answer)
{
        g_autoptr(TgSecret) binding = helper_secret(BINDING);
        g_autoptr(TgSecret) other = helper_secret(bound_to);
        g_autofree char *challenge = tg_x509_challenge(&(TgStepContext){.binding = other}, NULL);
        g_autoptr(GBytes) request = tg_x509_request_new(key, challenge, NULL);
        g_autoptr(TgSecret) content = tg_x509_say_octets("request", request, NULL);
        const char *text = (const char *)tg_secret_get(content, NULL);
        TgJson json;
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = TG_ROLE_INITIATOR,
                .number = 1,
                .terms = terms,
                .binding = binding,
                .message = &json,
        };

        g_assert_true(tg_json_parse(text, strlen(text), strlen(text), &json, NULL));
        tg_step_run(tg_vertical_find(TG_X509_FORMAT)->receive, &context, ret_answer);
}

static void
assert_not_signed(const TgX509Grant *grant, EVP_PKEY *key, const char *bound_to, const char *part)
{
        g_autoptr(GVariant) terms = terms_of(grant, "/key");
        g_auto(TgStepAnswer) answer = {};

        ask(terms, key, bound_to, &answer);
        g_assert_cmpint(answer.kind, ==, TG_ANSWER_FAILED);
        x509_assert_says(answer.error, TG_ERROR_INVALID, part);
        g_assert_null(answer.content);
}

static void
test_the_initiator_signs_nothing_else_and_nothing_late(X509Fixture *self, gconstpointer data)
{
        TgX509Key kind = self->grant.key == TG_X509_P256 ? TG_X509_ED25519 : TG_X509_P256;
        g_autoptr(EVP_PKEY) other = tg_x509_key_new(kind, NULL);

        make_renewed(&self->grant);
        assert_not_signed(&self->grant, other, BINDING, "the kind that was offered");
        assert_not_signed(&self->grant,
                          self->key,
                          "another one, of another share ab",
                          "not made for this share");
        self->grant.from_s -= 20 * LIFE_S;
        self->grant.to_s = (guint64)now() - 1;
        assert_not_signed(&self->grant, self->key, BINDING, "nothing was signed");
}

/* ---- its key's file ---- */

static char *
write_key(const X509Fixture *self)
{
        g_autoptr(TgSecret) pem = tg_x509_key_save(self->ca_key, NULL);
        char *path = g_build_filename(g_get_tmp_dir(), "test-x509-XXXXXX", NULL);
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(pem, &n_bytes);
        int fd = g_mkstemp(path);

        g_assert_cmpint(fd, >=, 0);
        close(fd);
        g_assert_true(g_file_set_contents(path, text, (gssize)n_bytes, NULL));
        return path;
}

static void
take_certificate(const TgStepAnswer *answer, guint64 *ret_from_s, guint64 *ret_to_s)
{
        g_autoptr(GBytes) der = NULL;
        g_autoptr(GError) error = NULL;
        const char *text;
        TgJson json;

        g_assert_no_error(answer->error);
        g_assert_cmpint(answer->kind, ==, TG_ANSWER_SAY);
        text = (const char *)tg_secret_get(answer->content, NULL);
        g_assert_true(tg_json_parse(text, strlen(text), strlen(text), &json, NULL));
        der = tg_x509_get_octets(&json, "certificate", TG_X509_MAX_CERTIFICATE_BYTES, &error);
        g_assert_no_error(error);
        tg_x509_certificate_period(der, ret_from_s, ret_to_s, &error);
        g_assert_no_error(error);
}

static void
test_a_key_that_is_away_is_waited_for(X509Fixture *self, gconstpointer data)
{
        g_autofree char *path = write_key(self);
        g_autofree char *away = g_strconcat(path, "-away", NULL);
        g_autoptr(GVariant) terms = NULL;
        g_autoptr(GVariant) wrong = NULL;
        g_auto(TgStepAnswer) gone = {};
        g_auto(TgStepAnswer) signed_ = {};
        g_auto(TgStepAnswer) refused = {};
        guint64 from_s;
        guint64 to_s;

        make_renewed(&self->grant);
        terms = terms_of(&self->grant, path);
        g_assert_cmpint(g_rename(path, away), ==, 0);
        ask(terms, self->key, BINDING, &gone);
        x509_assert_says(gone.error, TG_ERROR_FAILED, "names no file");
        g_assert_cmpint(g_rename(away, path), ==, 0);
        ask(terms, self->key, BINDING, &signed_);
        take_certificate(&signed_, &from_s, &to_s);

        wrong = terms_of(&self->grant, "/dev/zero");
        ask(wrong, self->key, BINDING, &refused);
        x509_assert_says(refused.error, TG_ERROR_INVALID, "names no file");
        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void
test_what_begins_later_is_signed_now(X509Fixture *self, gconstpointer data)
{
        g_autofree char *path = write_key(self);
        g_autoptr(GVariant) terms = NULL;
        g_auto(TgStepAnswer) answer = {};
        g_auto(TgSequel) sequel = {};
        guint64 begins_s = (guint64)now() + 3 * LIFE_S;
        guint64 from_s;
        guint64 to_s;

        make_renewed(&self->grant);
        self->grant.from_s = begins_s;
        terms = terms_of(&self->grant, path);
        ask(terms, self->key, BINDING, &answer);
        take_certificate(&answer, &from_s, &to_s);
        g_assert_cmpuint(from_s, ==, begins_s);
        g_assert_cmpuint(to_s, ==, begins_s + LIFE_S);
        g_assert_true(tg_x509_sequel(terms, now(), &sequel));
        g_assert_cmpuint(sequel.from_s, ==, begins_s + LIFE_S / 2);
        g_assert_cmpint(g_unlink(path), ==, 0);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        x509_add_test("renewal/follows", test_what_follows_is_less_of_the_same);
        x509_add_test("renewal/last", test_nothing_follows_the_last);
        x509_add_test("renewal/long", test_a_grant_that_is_too_long_is_refused);
        x509_add_test("renewal/life", test_a_certificate_lives_no_longer_than_was_offered);
        x509_add_test("renewal/same", test_a_renewal_is_of_what_was_accepted);
        x509_add_test("renewal/better", test_a_renewal_is_better_than_what_is_there);
        x509_add_test("renewal/initiator", test_the_initiator_signs_nothing_else_and_nothing_late);
        x509_add_test("renewal/key-away", test_a_key_that_is_away_is_waited_for);
        x509_add_test("renewal/later", test_what_begins_later_is_signed_now);
        return g_test_run();
}
