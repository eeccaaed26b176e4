/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two sides of an SSH certificate, each against a liar: nobody signs for who has not proved,
 * nobody keeps what was not promised. ssh-keygen makes the lies. */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/verticals/ssh.h"
#include "daemon/workplace.h"
#include "helper.h"

static char *folder;
static const char *const names[] = {"ca", "other-ca", "stranger", NULL};

static void
keygen(const char *arguments)
{
        g_autofree char *command = g_strconcat("ssh-keygen -q ", arguments, NULL);
        g_auto(GStrv) argv = NULL;
        int status = -1;

        g_assert_true(g_shell_parse_argv(command, NULL, &argv, NULL));
        g_assert_true(g_spawn_sync(
                folder, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
}

static char *
read_file(const char *name)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return g_strchomp(text);
}

static void
write_file(const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *
key_of(const char *name)
{
        g_autofree char *file = g_strconcat(name, ".pub", NULL);
        g_autofree char *line = read_file(file);

        return tg_ssh_key_of_line(line);
}

/* ---- steps ---- */

typedef struct {
        gboolean is_over;
        TgStepAnswer answer;
} Heard;

static void
hear(TgStepAnswer *answer, gpointer user_data)
{
        Heard *heard = user_data;

        heard->is_over = TRUE;
        heard->answer = *answer;
        *answer = (TgStepAnswer){};
}

static TgStepAnswer
step(TgStepRun run, const TgStepContext *context)
{
        Heard heard = {};

        tg_step_start(run, context, hear, &heard);
        while (!heard.is_over)
                g_main_context_iteration(NULL, TRUE);
        return heard.answer;
}

static TgSecret *
binding_of(char octet)
{
        return helper_secret_filled((guint8)octet, 32);
}

static char *
text_of(TgSecret *content)
{
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(content, &n_bytes);

        return g_strndup(text, n_bytes);
}

static TgSshGrant
grant(void)
{
        static const char *const principals[] = {"alice", "ops", NULL};

        return (TgSshGrant){
                .ca = key_of("ca"),
                .principals = g_strdupv((GStrv)principals),
                .key_id = g_strdup("test-key"),
                .valid_after = (guint64)tg_clock_now_s() - 60,
                .valid_before = (guint64)tg_clock_now_s() + 3600,
                .permits = 1u << 2,
        };
}

static char *
offer_of(const TgSshGrant *of)
{
        g_autoptr(GString) json = g_string_new("{");

        tg_ssh_grant_append(of, json);
        g_string_append_c(json, '}');
        return g_string_free(g_steal_pointer(&json), FALSE);
}

/* ---- the initiator ---- */

static GVariant *
terms_of(const char *offer)
{
        g_autofree char *ca = g_build_filename(folder, "ca", NULL);
        GVariantDict terms;

        g_variant_dict_init(&terms, NULL);
        g_variant_dict_insert(&terms, "offer", "s", offer);
        g_variant_dict_insert(&terms, "serial", "t", (guint64)4711);
        g_variant_dict_insert(&terms, "krl", "s", "/nowhere/list");
        g_variant_dict_insert(&terms, "ca", "s", ca);
        return g_variant_ref_sink(g_variant_dict_end(&terms));
}

static TgStepAnswer
sign(const char *offer, const char *request, char binding)
{
        g_autoptr(GVariant) terms = terms_of(offer);
        g_autoptr(TgSecret) bound = binding_of(binding);
        TgJson message = helper_json(request);
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = TG_ROLE_INITIATOR,
                .number = 1,
                .terms = terms,
                .binding = bound,
                .message = &message,
        };

        return step(tg_ssh_sign, &context);
}

/* What a recipient says who holds the key @name. */
static char *
request_by(const char *name, const char *key, char binding, const char *namespace)
{
        g_autoptr(TgSecret) bound = binding_of(binding);
        TgStepContext context = {.binding = bound};
        g_autofree char *statement = tg_ssh_statement(&context, NULL);
        g_autofree char *arguments =
                g_strdup_printf("-Y sign -f %s -n %s statement", name, namespace);
        g_autoptr(GString) json = g_string_new("{\"publicKey\":");
        g_autofree char *proof = NULL;
        g_autofree char *path = g_build_filename(folder, "statement.sig", NULL);

        g_unlink(path);
        write_file("statement", statement);
        keygen(arguments);
        proof = read_file("statement.sig");
        tg_json_append_string(json, key);
        g_string_append(json, ",\"proof\":");
        tg_json_append_string(json, proof);
        g_string_append_c(json, '}');
        return g_string_free(g_steal_pointer(&json), FALSE);
}

static void
assert_refused(TgStepAnswer answer, const char *about)
{
        g_auto(TgStepAnswer) owned = answer;

        if (owned.kind != TG_ANSWER_FAILED)
                g_error("%s: not refused", about);
        helper_assert_error(owned.error, TG_ERROR_INVALID, NULL);
        g_assert_null(owned.content);
        g_assert_null(owned.provision.content);
}

/* Of a step that has come to the token: what is stored before that, then once, then never again. */
static void
test_a_pin_is_noted_before_it_is_tried(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_autofree char *offer = offer_of(&granted);
        g_autofree char *key = key_of("stranger");
        g_autofree char *request = request_by("stranger", key, 'b', TG_SSH_FORMAT);
        g_autofree char *pin = g_build_filename(folder, "pin", NULL);
        g_autoptr(GVariant) plain = terms_of(offer);
        g_autoptr(GVariantDict) dict = g_variant_dict_new(plain);
        g_autoptr(GVariant) terms = NULL;
        g_autoptr(TgSecret) bound = binding_of('b');
        TgJson message = helper_json(request);
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = TG_ROLE_INITIATOR,
                .number = 1,
                .binding = bound,
                .message = &message,
        };
        g_auto(TgStepAnswer) noted = {};
        g_auto(TgStepAnswer) said = {};

        write_file("pin", "1234\n");
        g_assert_cmpint(g_chmod(pin, 0600), ==, 0);
        g_variant_dict_insert(dict, "pkcs11-pin", "s", pin);
        terms = g_variant_ref_sink(g_variant_dict_end(dict));
        context.terms = terms;
        noted = step(tg_ssh_sign, &context);
        g_assert_cmpint(noted.kind, ==, TG_ANSWER_NOTED);
        g_assert_nonnull(noted.state);
        context.state = noted.state;
        said = step(tg_ssh_sign, &context);
        g_assert_cmpint(said.kind, ==, TG_ANSWER_SAY);
        assert_refused(step(tg_ssh_sign, &context), "a second try");
}

static void
test_who_proves_it_gets_what_was_consented_to_once(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_autofree char *offer = offer_of(&granted);
        g_autofree char *key = key_of("stranger");
        g_autofree char *request = request_by("stranger", key, 'b', TG_SSH_FORMAT);
        g_auto(TgStepAnswer) answer = sign(offer, request, 'b');
        g_auto(TgStepAnswer) again = sign(offer, request, 'b');
        g_autofree char *first = NULL;
        g_autofree char *second = NULL;

        g_assert_no_error(answer.error);
        g_assert_true(answer.is_last);
        g_assert_nonnull(answer.receipt);
        first = text_of(answer.content);
        second = text_of(again.content);
        /* Ed25519: the repeated step says the same but for the certificate's nonce. */
        g_assert_true(g_str_has_prefix(first, "{\"certificate\":\"ssh-ed25519-cert-v01"));
        g_assert_cmpuint(strlen(first), ==, strlen(second));
}

static void
test_who_does_not_prove_it_gets_nothing(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_auto(TgSshGrant) past = grant();
        g_autofree char *offer = offer_of(&granted);
        g_autofree char *late = NULL;
        g_autofree char *key = key_of("stranger");
        g_autofree char *other = key_of("other-ca");
        g_autofree char *right = request_by("stranger", key, 'b', TG_SSH_FORMAT);
        g_autofree char *foreign = request_by("other-ca", key, 'b', TG_SSH_FORMAT);
        g_autofree char *swapped = request_by("stranger", other, 'b', TG_SSH_FORMAT);
        g_autofree char *replayed = request_by("stranger", key, 'c', TG_SSH_FORMAT);
        g_autofree char *misused = request_by("stranger", key, 'b', "file");
        g_autofree char *bare = g_strdup_printf("{\"publicKey\":\"%s\"}", key);
        g_autofree char *empty = g_strdup_printf("{\"publicKey\":\"%s\",\"proof\":\"\"}", key);

        assert_refused(sign(offer, foreign, 'b'), "a proof by another key");
        assert_refused(sign(offer, swapped, 'b'), "a key that is another's");
        assert_refused(sign(offer, replayed, 'b'), "a proof of another share");
        assert_refused(sign(offer, misused, 'b'), "a signature made for something else");
        assert_refused(sign(offer, bare, 'b'), "no proof");
        assert_refused(sign(offer, empty, 'b'), "an empty proof");
        assert_refused(sign(offer, "{\"publicKey\":\"rubbish\",\"proof\":\"x\"}", 'b'), "no key");
        assert_refused(sign(offer, "{\"publicKey\":7,\"proof\":[]}", 'b'), "no text");
        assert_refused(sign(offer, "{}", 'b'), "nothing");

        past.valid_after = 1000;
        past.valid_before = 2000;
        late = offer_of(&past);
        assert_refused(sign(late, right, 'b'), "a time that is over");
}

static void
test_a_request_adds_a_key_and_nothing_else(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_autofree char *offer = offer_of(&granted);
        g_autofree char *key = key_of("stranger");
        g_autofree char *more = g_strconcat(key, " comment\ncert-authority ", key, NULL);
        g_autofree char *request = request_by("stranger", more, 'b', TG_SSH_FORMAT);
        g_auto(TgStepAnswer) answer = {};
        g_autofree char *rsa = NULL;
        g_autofree char *with_rsa = NULL;

        answer = sign(offer, request, 'b');
        g_assert_no_error(answer.error);
        keygen("-t rsa -b 2048 -N '' -f rsa");
        rsa = key_of("rsa");
        with_rsa = request_by("rsa", rsa, 'b', TG_SSH_FORMAT);
        assert_refused(sign(offer, with_rsa, 'b'), "a key of another type");
}

/* ---- the recipient ---- */

static TgStepAnswer
hold(TgSecret *state, const char *text, guint number)
{
        g_autoptr(TgSecret) bound = binding_of('b');
        TgJson message = helper_json(text);
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = TG_ROLE_RECIPIENT,
                .number = number,
                .binding = bound,
                .state = state,
                .message = &message,
        };

        return step(tg_ssh_hold, &context);
}

static char *
certificate(const char *name)
{
        g_autofree char *file = g_strconcat(name, "-cert.pub", NULL);
        g_autofree char *line = read_file(file);
        g_autoptr(GString) json = g_string_new("{\"certificate\":");

        tg_json_append_string(json, line);
        g_string_append_c(json, '}');
        return g_string_free(g_steal_pointer(&json), FALSE);
}

static char *
utc(guint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc((gint64)time_s);

        return g_date_time_format(time, "%Y%m%d%H%M%S");
}

/* A certificate for the key in mine.pub by @ca, with @more in place of, or after, what is right. */
static char *
certify(const char *ca, const TgSshGrant *granted, guint64 more_s, const char *more)
{
        g_autofree char *from = utc(granted->valid_after);
        g_autofree char *to = utc(granted->valid_before + more_s);
        g_autofree char *arguments = g_strdup_printf(
                "-s %s -I test-key -V %s:%s -z 1 -O clear -O permit-pty %s mine.pub",
                ca,
                from,
                to,
                more);

        keygen(arguments);
        return certificate("mine");
}

static void
test_only_what_was_promised_is_kept(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_autofree char *offer = offer_of(&granted);
        g_auto(TgStepAnswer) asked = hold(NULL, offer, 0);
        g_autofree char *request = NULL;
        g_autofree char *key = NULL;
        TgJson json;

        g_assert_no_error(asked.error);
        g_assert_false(asked.is_last);
        request = text_of(asked.content);
        json = helper_json(request);
        key = tg_json_dup_text(&json, "publicKey", 4096);
        g_assert_null(strstr(request, "PRIVATE"));

        static const struct {
                const char *about;
                const char *ca;
                guint64 more_s;
                const char *more;
                const char *mine; /* whose key; NULL: the recipient's */
        } lies[] = {
                {"another key",         "ca",       0,  "-n alice,ops",                           "stranger"},
                {"another authority",   "other-ca", 0,  "-n alice,ops",                           NULL      },
                {"a host's",            "ca",       0,  "-n alice,ops -h",                        NULL      },
                {"longer",              "ca",       60, "-n alice,ops",                           NULL      },
                {"another principal",   "ca",       0,  "-n alice,ops,root",                      NULL      },
                {"one principal less",  "ca",       0,  "-n alice",                               NULL      },
                {"a forced command",    "ca",       0,  "-n alice,ops -O force-command=x",        NULL      },
                {"one more permission", "ca",       0,  "-n alice,ops -O permit-port-forwarding", NULL      },
                {"an unknown option",   "ca",       0,  "-n alice,ops -O critical:verify@x=1",    NULL      },
                {"an unknown extra",    "ca",       0,  "-n alice,ops -O extension:more@x",       NULL      },
        };
        for (gsize i = 0; i < G_N_ELEMENTS(lies); i++) {
                g_autofree char *of = lies[i].mine != NULL ? key_of(lies[i].mine) : g_strdup(key);
                g_autofree char *answer = NULL;

                write_file("mine.pub", of);
                answer = certify(lies[i].ca, &granted, lies[i].more_s, lies[i].more);
                assert_refused(hold(asked.state, answer, 1), lies[i].about);
        }
        assert_refused(hold(asked.state, "{}", 1), "nothing");
        assert_refused(hold(asked.state, "{\"certificate\":\"ssh-ed25519 AAAA\"}", 1), "no key");

        write_file("mine.pub", key);
        g_autofree char *right = certify("ca", &granted, 0, "-n alice,ops");
        g_auto(TgStepAnswer) kept = hold(asked.state, right, 1);
        g_autofree char *forged = g_strdup(right);
        char *end = strrchr(forged, '=');
        g_autofree char *content = NULL;

        g_assert_no_error(kept.error);
        g_assert_cmpint(kept.kind, ==, TG_ANSWER_KEEP);
        g_assert_cmpint(kept.provision.not_after_s, ==, (gint64)granted.valid_before);
        content = text_of(kept.provision.content);
        g_assert_true(g_str_has_prefix(content, "-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        g_assert_nonnull(strstr(content, "\nssh-ed25519-cert-v01@openssh.com "));

        /* The signature's last octets; the base64 stays right. */
        end = end != NULL ? end - 8 : forged + strlen(forged) - 40;
        *end = *end == 'A' ? 'B' : 'A';
        assert_refused(hold(asked.state, forged, 1), "a forged signature");
}

static void
test_offers_that_are_none_are_refused(void)
{
        g_auto(TgSshGrant) granted = grant();
        g_autofree char *right = offer_of(&granted);
        static const char *const changes[][2] = {
                {"\"ca\":",             "\"xx\":"           },
                {"\"principals\":[",    "\"principals\":[7,"},
                {"\"alice\"",           "\"a,b\""           },
                {"\"alice\"",           "\"-oProxy\""       },
                {"\"keyId\":",          "\"other\":"        },
                {"\"validBefore\":1",   "\"validBefore\":-1"},
                {"\"validBefore\":1",   "\"validBefore\":9" },
                {"\"permit\":[\"pty\"", "\"permit\":[\"x\"" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
                const char *at = strstr(right, changes[i][0]);
                g_autoptr(GString) wrong = g_string_new(NULL);

                g_assert_nonnull(at);
                g_string_append_len(wrong, right, at - right);
                g_string_append(wrong, changes[i][1]);
                g_string_append(wrong, at + strlen(changes[i][0]));
                assert_refused(hold(NULL, wrong->str, 0), changes[i][1]);
        }
}

static void
test_nothing_is_left_lying_about(void)
{
        g_autofree char *path = g_build_filename(folder, "tigress-steps", NULL);
        g_autoptr(GDir) steps = g_dir_open(path, 0, NULL);

        g_assert_nonnull(steps);
        g_assert_null(g_dir_read_name(steps));
}

int
main(int argc, char **argv)
{
        g_autofree char *program = g_find_program_in_path("ssh-keygen");
        int status;

        helper_init(&argc, &argv);
        if (program == NULL) {
                g_print("1..0 # SKIP needs ssh-keygen: tests/packages.sh world installs it\n");
                return 0;
        }
        folder = g_dir_make_tmp("tigress-ssh-XXXXXX", NULL);
        g_setenv("XDG_RUNTIME_DIR", folder, TRUE);
        g_setenv("TZ", "UTC", TRUE);
        for (guint i = 0; names[i] != NULL; i++) {
                g_autofree char *arguments =
                        g_strdup_printf("-t ed25519 -N '' -C '' -f %s", names[i]);

                keygen(arguments);
        }
        g_test_add_func("/ssh/who-proves-it-gets-what-was-consented-to-once",
                        test_who_proves_it_gets_what_was_consented_to_once);
        g_test_add_func("/ssh/who-does-not-prove-it-gets-nothing",
                        test_who_does_not_prove_it_gets_nothing);
        g_test_add_func("/ssh/a-request-adds-a-key-and-nothing-else",
                        test_a_request_adds_a_key_and_nothing_else);
        g_test_add_func("/ssh/only-what-was-promised-is-kept", test_only_what_was_promised_is_kept);
        g_test_add_func("/ssh/offers-that-are-none-are-refused",
                        test_offers_that_are_none_are_refused);
        g_test_add_func("/ssh/a-pin-is-noted-before-it-is-tried",
                        test_a_pin_is_noted_before_it_is_tried);
        g_test_add_func("/ssh/nothing-is-left-lying-about", test_nothing_is_left_lying_about);

        status = g_test_run();
        g_autofree char *clean = g_strdup_printf("rm -rf %s", folder);

        g_spawn_command_line_sync(clean, NULL, NULL, NULL, NULL);
        g_free(folder);
        return status;
}
