/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests to a relay, one after the other, as text:
 *
 *     [+SECONDS ]METHOD PATH
 *     Header: value
 *
 *     body
 *
 * with a line "--" between two of them. '@' in the path stands for the address of the mailbox
 * that was made last, '@0' to '@9' for one of the first ten. The store is a real one, in memory;
 * each request is run on a reader, then in a batch that is rolled back, then for good.
 */

#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "relay/body.h"
#include "relay/mailbox-api.h"
#include "relay/preview.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/relay-model.h"
#include "tests/fuzz/resource-model.h"

#define ORIGIN "https://relay.example"
#define NOW 1800000000 /* 2027-01-15T08:00:00Z */
#define MAX_REQUESTS 24
#define MAX_ADVANCE_S 1000000

typedef struct {
        TgApi api;
        TgStore *store;
        gint64 now_s;
        Models *models;
        ResourceModels *resources;
        GPtrArray *held; /* of TgApiCall */
        guint n_admitted;
} Relay;

/* ---- running ---- */

/* One batch; FALSE of @is_kept rolls it back. */
static TgVerdict
run_batch(Relay *self, TgApiCall *call, gboolean is_kept)
{
        g_autoptr(GError) error = NULL;
        TgVerdict verdict;

        g_assert_true(tg_store_begin(self->store, &error));
        verdict = tg_api_execute(&self->api, call, self->store, self->now_s, &error);
        g_assert_no_error(error);
        g_assert_true(verdict == TG_VERDICT_ANSWERED || verdict == TG_VERDICT_HELD);
        if (is_kept)
                g_assert_true(tg_store_commit(self->store, &error));
        else
                tg_store_rollback(self->store);

        return verdict;
}

/* Without the right to write it is left to the writer, or answered the same. */
static gboolean
run_reading(Relay *self, TgApiCall *call, guint *ret_status)
{
        g_autoptr(GError) error = NULL;
        TgVerdict verdict;

        self->store->is_writer = FALSE;
        verdict = tg_api_execute(&self->api, call, self->store, self->now_s, &error);
        self->store->is_writer = TRUE;
        g_assert_no_error(error);
        *ret_status = call->answer.status;

        return verdict != TG_VERDICT_WRITE;
}

static TgVerdict
run(Relay *self, TgApiCall *call)
{
        gboolean is_read;
        guint status_read, status_first;
        TgVerdict first, verdict;

        is_read = run_reading(self, call, &status_read);
        first = run_batch(self, call, FALSE);
        status_first = call->answer.status;
        verdict = run_batch(self, call, TRUE);

        g_assert_cmpint(first, ==, verdict);
        g_assert_cmpuint(status_first, ==, call->answer.status);
        g_assert_true(!is_read || status_read == call->answer.status);

        return verdict;
}

static void
compare(Relay *self, const TgApiCall *call, TgVerdict verdict)
{
        if (resource_models_are_for(call))
                resource_models_check(self->resources, call, verdict, self->now_s);
        else
                models_check(self->models, call, verdict, self->now_s);
}

/* ---- answers ---- */

static guint
count(const char *text, char c)
{
        guint n = 0;

        for (; *text; text++)
                n += *text == c;

        return n;
}

/* Whatever was typed as a title makes no tag, and no further attribute. */
static void
check_page(const TgApiCall *call)
{
        TgDisplay plain = {(char *)"x", (char *)"x", (char *)"https://x"};
        g_autofree char *link = NULL;
        g_autofree char *page = NULL;
        char id[TG_UUID_CHARS + 1];
        const char *body = call->answer.body;

        tg_uuid_format(call->id, id);
        link = g_strconcat(ORIGIN TG_MAILBOX_PATH "/", id, NULL);
        page = tg_preview_format(&plain, NOW, link, call->language);
        g_assert_cmpuint(count(body, '<'), <=, count(page, '<'));
        g_assert_cmpuint(count(body, '>'), <=, count(page, '>'));
        g_assert_cmpuint(count(body, '"'), <=, count(page, '"'));
        g_assert_true(g_utf8_validate(body, -1, NULL));
        g_assert_nonnull(call->answer.policy);
}

static void
check_answer(const TgApiCall *call, const TgHttpRequest *http)
{
        const TgAnswer *answer = &call->answer;
        const char *claim = http->fields[TG_FIELD_CLAIM];
        TgJson value;

        g_assert_true(answer->status == 304 || (answer->status >= 200 && answer->status <= 429));
        for (const char *at = answer->request_id; *at; at++) /* a header: nothing but a UUID */
                g_assert_true(g_ascii_isxdigit(*at) || *at == '-');
        if (!answer->body) {
                g_assert_cmpuint(answer->n_body, ==, 0);
                return;
        }
        if (g_str_equal(answer->content_type, "application/octet-stream")) {
                g_assert_cmpint(call->operation, ==, TG_OPERATION_GET_RESOURCE);
                return;
        }
        g_assert_cmpuint(answer->n_body, ==, strlen(answer->body));

        if (g_str_equal(answer->content_type, "text/html; charset=utf-8")) {
                check_page(call);
                return;
        }
        g_assert_true(tg_json_parse(answer->body, answer->n_body, G_MAXINT32, &value, NULL));
        if (g_str_equal(answer->content_type, "application/problem+json"))
                g_assert_true(!claim || call->is_claim_given != TG_GIVEN ||
                              !strstr(answer->body, claim));
        else
                g_assert_cmpstr(answer->content_type, ==, "application/json");
}

/* ---- reads that wait ---- */

static void
wake(Relay *self, const TgApiCall *change, gboolean is_over)
{
        for (guint i = 0; i < self->held->len;) {
                TgApiCall *call = g_ptr_array_index(self->held, i);
                TgVerdict verdict;

                if (!is_over && memcmp(call->id, change->id, TG_ID_BYTES) != 0) {
                        i++;
                        continue;
                }
                call->is_wait_over = is_over;
                verdict = run(self, call);
                compare(self, call, verdict);
                if (verdict == TG_VERDICT_HELD) {
                        g_assert_false(is_over);
                        i++;
                } else {
                        g_ptr_array_remove_index(self->held, i);
                }
        }
}

/* ---- requests ---- */

static guint
admit(gpointer source, gboolean is_creation)
{
        Relay *self = source;

        return ++self->n_admitted > 40 ? 7 : 0;
}

/* The path with what stands for a mailbox in its place. */
static char *
expand(Relay *self, const char *path)
{
        GString *expanded = g_string_new(NULL);

        for (; *path; path++) {
                guint which = self->models->len - 1;
                char id[TG_UUID_CHARS + 1];
                const Model *model;

                if (*path != '@' || self->models->len == 0) {
                        g_string_append_c(expanded, *path);
                        continue;
                }
                if (g_ascii_isdigit(path[1])) {
                        path++;
                        which = MIN((guint)(*path - '0'), which);
                }
                model = g_ptr_array_index(self->models, which);
                tg_uuid_format(model->id, id);
                g_string_append_printf(expanded, TG_MAILBOX_PATH "/%s", id);
        }

        return g_string_free(expanded, FALSE);
}

/* The lines before the body. As on the wire, no value has white space around it. */
static void
take_headers(FuzzInput *input, TgHttpRequest *http, GPtrArray *lines)
{
        char *line;

        while ((line = fuzz_take_until(input, "\n", NULL))) {
                char *colon = strchr(line, ':');

                g_ptr_array_add(lines, line);
                if (*line == '\0')
                        return;
                if (!colon)
                        continue;
                *colon = '\0';
                tg_http_request_add(http, line, g_strstrip(colon + 1));
        }
}

/* In two pieces, as it may come in. */
static gboolean
take_body(FuzzInput *input, TgBody *body, TgBodies *all)
{
        gsize half = input->n_left / 2, n;
        const guint8 *bytes;

        bytes = fuzz_take(input, half, &n);
        if (n > 0 && !tg_body_add(body, all, (const char *)bytes, n))
                return FALSE;
        bytes = fuzz_take(input, G_MAXSIZE, &n);

        return n == 0 || tg_body_add(body, all, (const char *)bytes, n);
}

static void
ask(Relay *self, TgHttpRequest *http)
{
        g_autoptr(TgApiCall) call = tg_api_call_new(&self->api, http, self->now_s);
        TgVerdict verdict = run(self, call);
        gboolean has_changed = call->has_changed;

        compare(self, call, verdict);
        if (verdict == TG_VERDICT_HELD) {
                call->is_held = TRUE;
                g_ptr_array_add(self->held, g_steal_pointer(&call));
                return;
        }
        check_answer(call, http);
        if (has_changed)
                wake(self, call, FALSE);
}

static void
take_request(Relay *self, char *text, gsize n_chars)
{
        FuzzInput input = {(const guint8 *)text, n_chars};
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *line = fuzz_take_until(&input, "\n", NULL);
        g_autofree char *path = NULL;
        TgHttpRequest http = {.admit = admit, .source = self};
        TgBodies all = {0};
        TgBody body = {0};
        char *method = line, *space;

        if (!line)
                return;
        if (*line == '+') {
                self->now_s += CLAMP(strtol(line + 1, &method, 10), 0, MAX_ADVANCE_S);
                method += *method == ' ';
        }
        space = strchr(method, ' ');
        if (!space)
                return;
        *space = '\0';
        path = expand(self, space + 1);
        http.method = method;
        http.path = path;

        take_headers(&input, &http, lines);
        if (take_body(&input, &body, &all)) {
                http.body = body.bytes ? (const char *)body.bytes->data : "";
                http.n_body = body.bytes ? body.bytes->len : 0;
                http.is_too_large = body.is_too_large;
                ask(self, &http);
        }
        tg_body_drop(&body, &all);
        g_assert_cmpuint(all.n_bytes, ==, 0);
}

/* What time has ended is gone, and nothing else. */
static void
sweep(Relay *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = FALSE;

        while (!is_done) {
                g_assert_true(tg_store_begin(self->store, &error));
                tg_store_erase(self->store, self->now_s, self->api.told_s, &is_done, &error);
                g_assert_no_error(error);
                g_assert_true(tg_store_commit(self->store, &error));
        }
        for (guint i = 0; i < self->models->len; i++) {
                const Model *model = g_ptr_array_index(self->models, i);
                TgMailbox mailbox;
                gboolean is_found;

                tg_store_load(self->store, model->id, &is_found, &mailbox, &error);
                g_assert_no_error(error);
                tg_store_release(self->store);
                g_assert_cmpint(is_found, ==, !model->is_ended && model->expires_s > self->now_s);
        }
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        FuzzInput input = {bytes, n_bytes};
        Relay relay = {
                .api =
                        {
                              .origin = ORIGIN,
                              .limits = tg_mailbox_limits_default,
                              .default_life_s = TG_DEFAULT_LIFE_S,
                              .max_life_s = TG_MAX_LIFE_S,
                              .told_s = TG_TOMBSTONE_S,
                              },
                .now_s = NOW,
        };
        char *text;
        gsize n_chars;

        relay.store = tg_store_sqlite_open(":memory:", 0, &error);
        g_assert_no_error(error);
        relay.models = models_new();
        relay.resources = resource_models_new();
        relay.held = g_ptr_array_new_with_free_func((GDestroyNotify)tg_api_call_free);

        for (guint i = 0; i < MAX_REQUESTS && (text = fuzz_take_until(&input, "\n--\n", &n_chars));
             i++) {
                take_request(&relay, text, n_chars);
                g_free(text);
        }
        wake(&relay, NULL, TRUE);
        sweep(&relay);

        g_ptr_array_unref(relay.held);
        g_ptr_array_unref(relay.models);
        g_ptr_array_unref(relay.resources);
        tg_store_free(relay.store);
}
