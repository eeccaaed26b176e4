/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/session.h"
#include "tests/unit/helper.h"

/* Everything that may happen, in words: who, when, what; what follows, what to do.
 * Written from the description of states and ends, not from the code. */
static const char *const golden[] = {
        "initiator authorizing allowed -> uploading create",
        "initiator authorizing denied -> refused none",
        "initiator authorizing cancel -> cancelled none",
        "initiator authorizing time-up -> expired none",
        "initiator authorizing broken -> failed none",
        "initiator uploading uploaded -> invited watch",
        "initiator uploading cancel -> cancelled delete",
        "initiator uploading time-up -> expired delete",
        "initiator uploading broken -> failed delete",
        "initiator invited peer-completed -> completed delete",
        "initiator invited peer-declined -> declined delete",
        "initiator invited peer-failed -> failed delete",
        "initiator invited gone -> completed none",
        "initiator invited gone-before -> declined none",
        "initiator invited answered -> verifying-pin charge",
        "initiator invited message -> exchanging work",
        "initiator invited cancel -> cancelled delete",
        "initiator invited time-up -> expired delete",
        "initiator invited broken -> failed delete",
        "initiator verifying-pin proved -> exchanging write",
        "initiator verifying-pin not-proved -> invited write",
        "initiator verifying-pin burned -> burned delete",
        "initiator verifying-pin cancel -> cancelled delete",
        "initiator verifying-pin time-up -> expired delete",
        "initiator verifying-pin broken -> failed delete",
        "initiator exchanging peer-completed -> completed delete",
        "initiator exchanging peer-declined -> declined delete",
        "initiator exchanging peer-failed -> failed delete",
        "initiator exchanging gone -> completed none",
        "initiator exchanging gone-before -> declined none",
        "initiator exchanging message -> exchanging work",
        "initiator exchanging replied -> exchanging write",
        "initiator exchanging cancel -> cancelled delete",
        "initiator exchanging time-up -> expired delete",
        "initiator exchanging broken -> failed delete",
        "initiator completed revoked -> revoked none",
        "initiator cancelled revoked -> revoked none",
        "initiator declined revoked -> revoked none",
        "initiator expired revoked -> revoked none",
        "initiator failed revoked -> revoked none",
        "recipient authorizing allowed -> claiming claim",
        "recipient authorizing denied -> refused none",
        "recipient authorizing cancel -> declined say-declined",
        "recipient authorizing decline -> declined say-declined",
        "recipient authorizing time-up -> expired none",
        "recipient authorizing broken -> failed none",
        "recipient claiming claimed -> exchanging watch",
        "recipient claiming offered -> exchanging write",
        "recipient claiming pin-asked -> pin-needed watch",
        "recipient claiming already-used -> failed none",
        "recipient claiming no-mailbox -> failed none",
        "recipient claiming gone -> cancelled none",
        "recipient claiming cancel -> declined say-declined",
        "recipient claiming decline -> declined say-declined",
        "recipient claiming time-up -> expired none",
        "recipient claiming broken -> failed say-failed",
        "recipient pin-needed pin-asked -> pin-needed watch",
        "recipient pin-needed pin-given -> exchanging write",
        "recipient pin-needed gone -> cancelled none",
        "recipient pin-needed cancel -> declined say-declined",
        "recipient pin-needed decline -> declined say-declined",
        "recipient pin-needed relinquish -> relinquished let-go",
        "recipient pin-needed time-up -> expired delete",
        "recipient pin-needed broken -> failed say-failed",
        "recipient exchanging offered -> exchanging write",
        "recipient exchanging pin-asked -> pin-needed watch",
        "recipient exchanging burned -> failed none",
        "recipient exchanging message -> exchanging work",
        "recipient exchanging replied -> exchanging write",
        "recipient exchanging received -> provisioning provision",
        "recipient exchanging unacceptable -> failed say-failed",
        "recipient exchanging gone -> cancelled none",
        "recipient exchanging cancel -> declined say-declined",
        "recipient exchanging decline -> declined say-declined",
        "recipient exchanging relinquish -> relinquished let-go",
        "recipient exchanging time-up -> expired delete",
        "recipient exchanging broken -> failed say-failed",
        "recipient provisioning provisioned -> completed say-completed",
        "recipient provisioning unacceptable -> failed say-failed",
        "recipient provisioning broken -> failed say-failed",
};

static const char *const event_names[] = {
        [TG_EVENT_ALLOWED] = "allowed",
        [TG_EVENT_DENIED] = "denied",
        [TG_EVENT_UPLOADED] = "uploaded",
        [TG_EVENT_CLAIMED] = "claimed",
        [TG_EVENT_ALREADY_USED] = "already-used",
        [TG_EVENT_NO_MAILBOX] = "no-mailbox",
        [TG_EVENT_RECEIVED] = "received",
        [TG_EVENT_UNACCEPTABLE] = "unacceptable",
        [TG_EVENT_PROVISIONED] = "provisioned",
        [TG_EVENT_PEER_COMPLETED] = "peer-completed",
        [TG_EVENT_PEER_DECLINED] = "peer-declined",
        [TG_EVENT_PEER_FAILED] = "peer-failed",
        [TG_EVENT_GONE] = "gone",
        [TG_EVENT_GONE_BEFORE] = "gone-before",
        [TG_EVENT_ANSWERED] = "answered",
        [TG_EVENT_PROVED] = "proved",
        [TG_EVENT_NOT_PROVED] = "not-proved",
        [TG_EVENT_BURNED] = "burned",
        [TG_EVENT_OFFERED] = "offered",
        [TG_EVENT_PIN_ASKED] = "pin-asked",
        [TG_EVENT_PIN_GIVEN] = "pin-given",
        [TG_EVENT_TIME_UP] = "time-up",
        [TG_EVENT_CANCEL] = "cancel",
        [TG_EVENT_DECLINE] = "decline",
        [TG_EVENT_RELINQUISH] = "relinquish",
        [TG_EVENT_BROKEN] = "broken",
        [TG_EVENT_MESSAGE] = "message",
        [TG_EVENT_REPLIED] = "replied",
        [TG_EVENT_REVOKED] = "revoked",
};
G_STATIC_ASSERT(G_N_ELEMENTS(event_names) == TG_N_EVENTS);

static const char *const action_names[] = {
        [TG_ACTION_NONE] = "none",
        [TG_ACTION_CREATE] = "create",
        [TG_ACTION_WATCH] = "watch",
        [TG_ACTION_WRITE] = "write",
        [TG_ACTION_WORK] = "work",
        [TG_ACTION_CHARGE] = "charge",
        [TG_ACTION_CLAIM] = "claim",
        [TG_ACTION_PROVISION] = "provision",
        [TG_ACTION_DELETE] = "delete",
        [TG_ACTION_SAY_COMPLETED] = "say-completed",
        [TG_ACTION_SAY_DECLINED] = "say-declined",
        [TG_ACTION_SAY_FAILED] = "say-failed",
        [TG_ACTION_LET_GO] = "let-go",
};

static const char *
find_golden(const char *question)
{
        for (gsize i = 0; i < G_N_ELEMENTS(golden); i++)
                if (g_str_has_prefix(golden[i], question))
                        return golden[i];

        return NULL;
}

static gboolean
check_step(TgRole role, TgState before, TgEvent event)
{
        g_autofree char *question = g_strdup_printf(
                "%s %s %s -> ", tg_role_name(role), tg_state_name(before), event_names[event]);
        g_autofree char *answer = NULL;
        const char *wanted = find_golden(question);
        TgState state = before;
        TgAction action = TG_ACTION_LET_GO;

        g_assert_cmpint(tg_session_allows(role, before, event), ==, wanted != NULL);
        if (!tg_session_step(role, &state, event, &action)) {
                g_assert_cmpstr(wanted, ==, NULL);
                g_assert_cmpint(state, ==, before);
                g_assert_cmpint(action, ==, TG_ACTION_LET_GO);
                return FALSE;
        }
        answer = g_strconcat(question, tg_state_name(state), " ", action_names[action], NULL);
        g_assert_cmpstr(answer, ==, wanted);

        return TRUE;
}

static void
test_all_states_and_events_are_as_written(void)
{
        guint n_allowed = 0;

        for (guint role = 0; role < 2; role++)
                for (guint state = 0; state < TG_N_STATES; state++)
                        for (guint event = 0; event < TG_N_EVENTS; event++)
                                n_allowed +=
                                        check_step((TgRole)role, (TgState)state, (TgEvent)event);
        g_assert_cmpuint(n_allowed, ==, G_N_ELEMENTS(golden));
}

/* No state but the answer of the person leads to a request. */
static void
test_nothing_is_sent_without_consent(void)
{
        for (guint role = 0; role < 2; role++)
                for (guint event = 0; event < TG_N_EVENTS; event++) {
                        TgState state = TG_STATE_AUTHORIZING;
                        TgAction action;

                        if (event == TG_EVENT_ALLOWED ||
                            !tg_session_step((TgRole)role, &state, (TgEvent)event, &action))
                                continue;
                        g_assert_true(tg_state_is_end(state));
                        /* a recipient's no may be told to who invited it */
                        g_assert_true(
                                action == TG_ACTION_NONE ||
                                (role == TG_ROLE_RECIPIENT && action == TG_ACTION_SAY_DECLINED));
                }
}

static void
test_an_end_is_an_end(void)
{
        for (guint state = TG_STATE_COMPLETED; state < TG_N_STATES; state++) {
                g_assert_true(tg_state_is_end((TgState)state));
                for (guint event = 0; event < TG_N_EVENTS; event++) {
                        TgState next = (TgState)state;
                        TgAction action;

                        g_assert_false(tg_session_allows(
                                TG_ROLE_RECIPIENT, (TgState)state, (TgEvent)event));
                        /* What was lent is taken back; nothing comes alive by that. */
                        if (!tg_session_step(TG_ROLE_INITIATOR, &next, (TgEvent)event, &action))
                                continue;
                        g_assert_cmpint(event, ==, TG_EVENT_REVOKED);
                        g_assert_cmpint(next, ==, TG_STATE_REVOKED);
                        g_assert_cmpint(action, ==, TG_ACTION_NONE);
                }
        }
        for (guint state = 0; state < TG_STATE_COMPLETED; state++)
                g_assert_false(tg_state_is_end((TgState)state));
}

static void
test_what_is_being_stored_is_not_stopped(void)
{
        static const TgEvent events[] = {TG_EVENT_CANCEL,
                                         TG_EVENT_DECLINE,
                                         TG_EVENT_RELINQUISH,
                                         TG_EVENT_GONE,
                                         TG_EVENT_TIME_UP};

        for (gsize i = 0; i < G_N_ELEMENTS(events); i++)
                g_assert_false(
                        tg_session_allows(TG_ROLE_RECIPIENT, TG_STATE_PROVISIONING, events[i]));
}

static void
test_states_have_names_and_names_states(void)
{
        TgState state = TG_STATE_BURNED;

        g_assert_false(tg_state_from_name(TG_STATE_NAME_WAITING_FOR_KEYRING, &state));
        g_assert_false(tg_state_from_name("", &state));
        g_assert_false(tg_state_from_name(NULL, &state));
        g_assert_cmpint(state, ==, TG_STATE_BURNED);
        for (guint i = 0; i < TG_N_STATES; i++) {
                g_assert_true(tg_state_from_name(tg_state_name((TgState)i), &state));
                g_assert_cmpuint(state, ==, i);
        }
}

static void
test_ends_have_their_exit_codes(void)
{
        static const struct {
                TgState state;
                TgError error;
        } ends[] = {
                {TG_STATE_CANCELLED, TG_ERROR_CANCELLED},
                {TG_STATE_DECLINED,  TG_ERROR_DECLINED },
                {TG_STATE_EXPIRED,   TG_ERROR_EXPIRED  },
                {TG_STATE_REFUSED,   TG_ERROR_DENIED   },
                {TG_STATE_BURNED,    TG_ERROR_WRONG_PIN},
                {TG_STATE_FAILED,    TG_ERROR_FAILED   },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
                g_assert_cmpint(tg_state_error(ends[i].state), ==, ends[i].error);
                g_assert_false(tg_state_is_success(ends[i].state));
        }
        g_assert_true(tg_state_is_success(TG_STATE_COMPLETED));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/session/all-states-and-events-are-as-written",
                        test_all_states_and_events_are_as_written);
        g_test_add_func("/session/nothing-is-sent-without-consent",
                        test_nothing_is_sent_without_consent);
        g_test_add_func("/session/an-end-is-an-end", test_an_end_is_an_end);
        g_test_add_func("/session/what-is-being-stored-is-not-stopped",
                        test_what_is_being_stored_is_not_stopped);
        g_test_add_func("/session/states-have-names-and-names-states",
                        test_states_have_names_and_names_states);
        g_test_add_func("/session/ends-have-their-exit-codes", test_ends_have_their_exit_codes);

        return g_test_run();
}
