/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/relay/asking.h"

#include "config.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include "protocol/json.h"
#include "protocol/limits.h"
#if HAVE_REDIS
#include "relay/redis-writer.h"
#endif

#define PATIENCE_MS 60000

#if HAVE_REDIS
static gint64 wall_us;

static gint64
get_wall_us(void)
{
        return wall_us;
}

/* Each in a database of its own. */
static TgWriter *
open_redis(Asking *self, const char *path)
{
        static guint database;
        g_autofree char *text = g_strdup_printf("redis+unix://%s?db=%u", path, database++);
        g_autoptr(GError) error = NULL;
        TgRedisAddress *address = tg_redis_address_parse(text, &error);
        TgWriter *writer;

        g_assert_no_error(error);
        writer = tg_redis_writer_new(&self->api, address, NULL, get_wall_us, &error);
        g_assert_no_error(error);

        return writer;
}

static TgVerdict
run_on_writer(Asking *self)
{
        struct pollfd fd = {tg_writer_get_fd(self->writer), POLLIN, 0};
        g_autoptr(GArray) jobs = g_array_new(FALSE, FALSE, sizeof(TgJob));
        TgJob job = {.call = self->call};

        wall_us = self->now_s * G_USEC_PER_SEC;
        g_array_append_val(jobs, job);
        tg_writer_push(self->writer, jobs);
        for (;;) {
                g_assert_cmpint(poll(&fd, 1, PATIENCE_MS), ==, 1);
                tg_writer_take(self->writer, jobs);
                for (guint i = 0; i < jobs->len; i++) {
                        job = g_array_index(jobs, TgJob, i);
                        if (job.call == self->call)
                                return job.verdict;
                }
                g_array_set_size(jobs, 0);
        }
}
#else
static TgWriter *
open_redis(Asking *self, const char *path)
{
        return NULL;
}

static TgVerdict
run_on_writer(Asking *self)
{
        g_assert_not_reached();
}
#endif

void
asking_set_up(Asking *self, gconstpointer data)
{
        const char *redis = g_getenv("TIGRESS_TEST_REDIS");
        g_autoptr(GError) error = NULL;

        self->api = (TgApi){
                .origin = ORIGIN,
                .limits = tg_mailbox_limits_default,
                .default_life_s = TG_DEFAULT_LIFE_S,
                .max_life_s = TG_MAX_LIFE_S,
                .told_s = TG_TOMBSTONE_S,
        };
        self->now_s = NOW;
        if (redis)
                self->writer = open_redis(self, redis);
        else
                self->store = tg_store_sqlite_open(":memory:", 0, &error);
        g_assert_no_error(error);
}

void
asking_tear_down(Asking *self, gconstpointer data)
{
        tg_api_call_free(self->call);
        tg_writer_free(self->writer);
        tg_store_free(self->store);
        g_free(self->path);
}

/* In a batch of its own, as the writer does it. */
static TgVerdict
run_on_store(Asking *self)
{
        g_autoptr(GError) error = NULL;
        TgVerdict verdict;

        g_assert_true(tg_store_begin(self->store, &error));
        verdict = tg_api_execute(&self->api, self->call, self->store, self->now_s, &error);
        g_assert_no_error(error);
        g_assert_true(tg_store_commit(self->store, &error));

        return verdict;
}

static guint
run(Asking *self)
{
        self->verdict = self->writer ? run_on_writer(self) : run_on_store(self);
        if (self->verdict == TG_VERDICT_HELD) {
                self->call->is_held = TRUE;
                return 0;
        }
        g_assert_cmpint(self->verdict, ==, TG_VERDICT_ANSWERED);

        return self->call->answer.status;
}

guint
ask(Asking *self, const char *method, const char *path, const char *body, ...)
{
        TgHttpRequest http = {
                .method = method,
                .path = path,
                .body = body ? body : "",
                .n_body = body ? strlen(body) : 0,
        };
        const char *name;
        va_list headers;

        va_start(headers, body);
        while ((name = va_arg(headers, const char *)))
                tg_http_request_add(&http, name, va_arg(headers, const char *));
        va_end(headers);
        if (body && !http.fields[TG_FIELD_CONTENT_TYPE])
                tg_http_request_add(&http, "Content-Type", "application/json");

        tg_api_call_free(self->call);
        self->call = tg_api_call_new(&self->api, &http, self->now_s);

        return run(self);
}

guint
ask_again(Asking *self, gboolean is_wait_over)
{
        self->call->is_wait_over = is_wait_over;

        return run(self);
}

void
ask_create(Asking *self, const char *rights)
{
        g_autofree char *configuration =
                rights ? g_strdup_printf(",\"mailboxConfiguration\":{\"accessRights\":\"%s\"}",
                                         rights)
                       : g_strdup("");
        g_autofree char *body =
                g_strdup_printf("{\"payload\":" PAYLOAD "," DISPLAY "%s}", configuration);
        g_autofree char *link = NULL;

        g_assert_cmpuint(ask(self,
                             "POST",
                             "/v1/m",
                             body,
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             NULL),
                         ==,
                         200);
        link = ask_member(self, "urlLink");
        g_assert_true(g_str_has_prefix(link, ORIGIN "/v1/m/"));
        g_free(self->path);
        self->path = g_strdup(link + strlen(ORIGIN));
}

void
ask_bind(Asking *self)
{
        g_assert_cmpuint(ask(self, "POST", self->path, NULL, TG_HEADER_CLAIM, BOB, NULL), ==, 200);
}

guint
ask_make(Asking *self, const char *claim, const char *id, const char *body)
{
        return ask(self,
                   "POST",
                   "/v1/m",
                   body,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   NULL);
}

guint
ask_update(Asking *self, const char *claim, const char *id, const char *body, const char *if_match)
{
        return ask(self,
                   "PUT",
                   self->path,
                   body,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   if_match ? "If-Match" : NULL,
                   if_match,
                   NULL);
}

guint
ask_change(Asking *self, const char *method, const char *claim, const char *id)
{
        return ask(self,
                   method,
                   self->path,
                   NULL,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   NULL);
}

static void
parse_answer(Asking *self, TgJson *ret_object)
{
        g_autoptr(GError) error = NULL;

        tg_json_parse(self->call->answer.body,
                      self->call->answer.n_body,
                      TG_MAX_BODY_BYTES,
                      ret_object,
                      &error);
        g_assert_no_error(error);
}

char *
ask_member(Asking *self, const char *name)
{
        TgJson object, value;

        parse_answer(self, &object);

        return tg_json_get_typed(&object, name, TG_JSON_STRING, &value) ? tg_json_dup_string(&value)
                                                                        : NULL;
}

void
assert_problem(Asking *self, guint status, const char *type)
{
        g_autofree char *found = NULL;

        g_assert_cmpuint(self->call->answer.status, ==, status);
        g_assert_cmpstr(self->call->answer.content_type, ==, "application/problem+json");
        found = ask_member(self, "type");
        g_assert_cmpstr(found, ==, type);
}

void
assert_payload(Asking *self, const char *payload)
{
        g_autofree char *text = NULL;
        TgJson object, value;

        parse_answer(self, &object);
        g_assert_true(tg_json_get(&object, "payload", &value));
        text = g_strndup(value.text, value.n_chars);
        g_assert_cmpstr(text, ==, payload);
}
