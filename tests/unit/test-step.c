/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A vertical's step: answered once, late, never, wrongly, or after nobody wants to hear it. */

#include <string.h>

#include "daemon/step.h"
#include "daemon/vertical.h"
#include "helper.h"
#include "protocol/limits.h"

static TgStep *kept; /* by a vertical that answers later */

typedef struct {
        guint n_calls;
        TgAnswerKind kind;
        char *content;
        char *error;
        gboolean is_last;
} Heard;

static void
forget_heard(Heard *heard)
{
        g_free(heard->content);
        g_free(heard->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Heard, forget_heard)

static void
hear(TgStepAnswer *answer, gpointer user_data)
{
        Heard *heard = user_data;
        gsize n_bytes;

        heard->n_calls++;
        heard->kind = answer->kind;
        heard->is_last = answer->is_last;
        if (answer->content != NULL) {
                const char *text = (const char *)tg_secret_get(answer->content, &n_bytes);

                heard->content = g_strndup(text, n_bytes);
        }
        if (answer->error != NULL)
                heard->error = g_strdup(answer->error->message);
}

static void
turn_loop(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static TgStepContext
context_of(TgStepKind kind, TgRole role)
{
        return (TgStepContext){.kind = kind, .role = role, .share_id = "0011"};
}

static void
keep_it(TgStep *step)
{
        kept = tg_step_ref(step);
}

static void
say_twice(TgStep *step)
{
        g_autoptr(TgSecret) first = helper_secret("{\"n\":1}");
        g_autoptr(TgSecret) second = helper_secret("{\"n\":2}");

        tg_step_say(step, first, TRUE);
        tg_step_say(step, second, FALSE);
        tg_step_fail(step, tg_error_new(TG_ERROR_INVALID, "too late"));
}

static void
test_the_first_answer_counts_and_comes_from_the_loop(void)
{
        TgStepContext context = context_of(TG_STEP_BEGIN, TG_ROLE_INITIATOR);
        g_auto(Heard) heard = {};

        tg_step_start(say_twice, &context, hear, &heard);
        g_assert_cmpuint(heard.n_calls, ==, 0);
        turn_loop();
        g_assert_cmpuint(heard.n_calls, ==, 1);
        g_assert_cmpint(heard.kind, ==, TG_ANSWER_SAY);
        g_assert_cmpstr(heard.content, ==, "{\"n\":1}");
        g_assert_true(heard.is_last);
}

static void
test_an_answer_may_come_later(void)
{
        TgStepContext context = context_of(TG_STEP_REVOKE, TG_ROLE_INITIATOR);
        g_auto(Heard) heard = {};

        tg_step_start(keep_it, &context, hear, &heard);
        turn_loop();
        g_assert_cmpuint(heard.n_calls, ==, 0);
        tg_step_done(kept);
        g_clear_pointer(&kept, tg_step_unref);
        turn_loop();
        g_assert_cmpuint(heard.n_calls, ==, 1);
        g_assert_cmpint(heard.kind, ==, TG_ANSWER_DONE);
}

static void
test_who_was_given_up_is_not_heard(void)
{
        TgStepContext context = context_of(TG_STEP_REVOKE, TG_ROLE_INITIATOR);
        g_auto(Heard) heard = {};
        TgStep *step = tg_step_start(keep_it, &context, hear, &heard);

        tg_step_cancel(step);
        g_assert_true(g_cancellable_is_cancelled(tg_step_cancellable(kept)));
        tg_step_done(kept);
        tg_step_fail(kept, tg_error_new(TG_ERROR_FAILED, "nobody hears this"));
        g_clear_pointer(&kept, tg_step_unref);
        turn_loop();
        g_assert_cmpuint(heard.n_calls, ==, 0);
}

static void
test_an_answer_that_waits_to_be_told_can_be_given_up(void)
{
        TgStepContext context = context_of(TG_STEP_BEGIN, TG_ROLE_INITIATOR);
        g_auto(Heard) heard = {};

        tg_step_cancel(tg_step_start(say_twice, &context, hear, &heard));
        turn_loop();
        g_assert_cmpuint(heard.n_calls, ==, 0);
}

static void
say_text(TgStep *step)
{
        g_autoptr(TgSecret) text = helper_secret("\"a text\"");

        tg_step_say(step, text, FALSE);
}

static void
say_garbage(TgStep *step)
{
        g_autoptr(TgSecret) text = helper_secret("{\"a\":");

        tg_step_say(step, text, FALSE);
}

static void
say_too_much(TgStep *step)
{
        g_autoptr(GString) text = g_string_new("{\"a\":\"");
        g_autoptr(TgSecret) content = NULL;

        while (text->len < TG_MAX_STEP_MESSAGE_BYTES)
                g_string_append_c(text, 'a');
        g_string_append(text, "\"}");
        content = tg_secret_new(text->str, text->len, NULL);
        tg_step_say(step, content, FALSE);
}

static void
keep_too_much_state(TgStep *step)
{
        g_autoptr(TgSecret) state = helper_secret_filled('s', TG_MAX_STEP_STATE_BYTES + 1);
        g_autoptr(TgSecret) text = helper_secret("{}");

        tg_step_set_state(step, state);
        tg_step_say(step, text, FALSE);
}

static void
keep_credential(TgStep *step)
{
        g_auto(TgProvision) provision = {.content = helper_secret("x")};

        tg_step_keep(step, &provision);
}

static void
be_done(TgStep *step)
{
        tg_step_done(step);
}

static void
test_what_does_not_fit_is_a_failure(void)
{
        static const struct {
                TgStepRun run;
                TgStepKind kind;
                TgRole role;
        } wrong[] = {
                {say_text,            TG_STEP_BEGIN,   TG_ROLE_INITIATOR},
                {say_garbage,         TG_STEP_BEGIN,   TG_ROLE_INITIATOR},
                {say_too_much,        TG_STEP_RECEIVE, TG_ROLE_RECIPIENT},
                {keep_too_much_state, TG_STEP_RECEIVE, TG_ROLE_RECIPIENT},
                {keep_credential,     TG_STEP_RECEIVE, TG_ROLE_INITIATOR},
                {keep_credential,     TG_STEP_BEGIN,   TG_ROLE_INITIATOR},
                {be_done,             TG_STEP_RECEIVE, TG_ROLE_RECIPIENT},
                {say_twice,           TG_STEP_REVOKE,  TG_ROLE_INITIATOR},
                {say_twice,           TG_STEP_CHECK,   TG_ROLE_INITIATOR},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                TgStepContext context = context_of(wrong[i].kind, wrong[i].role);
                g_auto(TgStepAnswer) answer = {};

                tg_step_run(wrong[i].run, &context, &answer);
                g_assert_cmpint(answer.kind, ==, TG_ANSWER_FAILED);
                helper_assert_error(answer.error, TG_ERROR_INVALID, NULL);
                g_assert_null(answer.content);
                g_assert_null(answer.state);
        }
}

static void
show_much(TgStep *step)
{
        for (guint i = 0; i < 2 * TG_MAX_DETAILS; i++)
                tg_step_show(step, "Name\n", "a\033[31m\xe2\x80\xae");
        tg_step_done(step);
}

static void
test_what_is_shown_is_clean_and_bounded(void)
{
        TgStepContext context = context_of(TG_STEP_REVOKE, TG_ROLE_INITIATOR);
        g_auto(TgStepAnswer) answer = {};
        const char *name;
        const char *value;

        tg_step_run(show_much, &context, &answer);
        g_assert_cmpuint(g_variant_n_children(answer.details), ==, TG_MAX_DETAILS);
        g_variant_get_child(answer.details, 0, "(&s&s)", &name, &value);
        g_assert_null(strchr(name, '\n'));
        g_assert_null(strchr(value, '\033'));
        g_assert_null(strstr(value, "\xe2\x80\xae"));
}

static void
echo(TgStep *step)
{
        const TgJson *message = tg_step_context(kept)->message;
        g_autoptr(TgSecret) content = tg_secret_new(message->text, message->n_chars, NULL);

        tg_step_say(step, content, FALSE);
}

static void
test_the_message_lives_as_long_as_the_step(void)
{
        TgStepContext context = context_of(TG_STEP_RECEIVE, TG_ROLE_RECIPIENT);
        g_autofree char *text = g_strdup("{\"a\":1}");
        g_auto(Heard) heard = {};
        TgJson message = helper_json(text);

        context.message = &message;
        tg_step_start(keep_it, &context, hear, &heard);
        memset(text, 'x', strlen(text));
        echo(kept);
        g_clear_pointer(&kept, tg_step_unref);
        turn_loop();
        g_assert_cmpstr(heard.content, ==, "{\"a\":1}");
}

static void
test_formats_of_others_are_not_taken(void)
{
        static const TgVertical reserved = {.format = "tigress.end", .letter = 'x'};
        static const TgVertical taken = {.format = "org.tigress.secret.item", .letter = 'x'};
        static const TgVertical own = {.format = "org.example.own", .letter = 'x'};

        g_assert_false(tg_vertical_register(&reserved, NULL));
        g_assert_false(tg_vertical_register(&taken, NULL));
        g_assert_true(tg_vertical_register(&own, NULL));
        g_assert_true(tg_vertical_find("org.example.own") == &own);
        g_assert_false(tg_vertical_register(&own, NULL));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/step/the-first-answer-counts-and-comes-from-the-loop",
                        test_the_first_answer_counts_and_comes_from_the_loop);
        g_test_add_func("/step/an-answer-may-come-later", test_an_answer_may_come_later);
        g_test_add_func("/step/who-was-given-up-is-not-heard", test_who_was_given_up_is_not_heard);
        g_test_add_func("/step/an-answer-that-waits-to-be-told-can-be-given-up",
                        test_an_answer_that_waits_to_be_told_can_be_given_up);
        g_test_add_func("/step/what-does-not-fit-is-a-failure",
                        test_what_does_not_fit_is_a_failure);
        g_test_add_func("/step/what-is-shown-is-clean-and-bounded",
                        test_what_is_shown_is_clean_and_bounded);
        g_test_add_func("/step/the-message-lives-as-long-as-the-step",
                        test_the_message_lives_as_long_as_the_step);
        g_test_add_func("/step/formats-of-others-are-not-taken",
                        test_formats_of_others_are_not_taken);

        return g_test_run();
}
