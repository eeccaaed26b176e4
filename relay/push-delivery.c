/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push-delivery.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/push-guard.h"

/* How long a service keeps what it cannot deliver: the same for all, so that two sides of one
 * mailbox have not the same end. */
#define TTL "86400"
#define TOKEN_LIFE_S (12 * 3600)
#define PADDING_BYTES 128
#define MAX_ANSWER_BYTES 4096
#define MAX_HEADERS_BYTES 16384
#define MAX_ADDRESSES 8
#define MAX_RETRY_AFTER_S 3600

/* While one is under way. */
typedef struct {
        TgPushJob *job;
        const TgPushEndpoint *endpoint;
        const _Atomic gboolean *is_stopping;
        struct sockaddr_storage addresses[MAX_ADDRESSES];
        guint n_addresses;
        gboolean is_refused;
        gsize n_answer;
        gsize n_headers;
} Delivery;

TgPushJob *
tg_push_job_new(const guint8 id[TG_ID_BYTES], TgSide side, TgToken *token, TgPushRules *rules)
{
        TgPushJob *self = g_new0(TgPushJob, 1);

        memcpy(self->id, id, TG_ID_BYTES);
        self->side = side;
        self->token = *token;
        *token = (TgToken){0};
        self->rules = tg_push_rules_ref(rules);

        return self;
}

void
tg_push_job_free(TgPushJob *self)
{
        if (!self)
                return;
        tg_push_token_wipe(&self->token);
        tg_push_rules_unref(self->rules);
        g_free(self);
}

void
tg_push_delivery_init(void)
{
        static gsize is_done;

        if (g_once_init_enter(&is_done)) {
                curl_global_init(CURL_GLOBAL_DEFAULT);
                g_once_init_leave(&is_done, 1);
        }
}

/* ---- the way there ---- */

static gboolean
is_same(const struct sockaddr *a, const struct sockaddr *b)
{
        const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
        const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

        if (a->sa_family != b->sa_family)
                return FALSE;
        if (a->sa_family == AF_INET)
                return a4->sin_addr.s_addr == b4->sin_addr.s_addr;

        return a->sa_family == AF_INET6 &&
               memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* One address that is not allowed is enough: who has a name for such a one means no good by the
 * others. */
static TgPushOutcome
resolve(Delivery *self)
{
        const struct addrinfo hints = {
                .ai_family = AF_UNSPEC,
                .ai_socktype = SOCK_STREAM,
                .ai_flags = self->endpoint->is_numeric ? AI_NUMERICHOST : 0,
        };
        struct addrinfo *found = NULL;
        TgPushOutcome outcome = TG_PUSH_LATER;

        if (getaddrinfo(self->endpoint->host, NULL, &hints, &found) != 0)
                return TG_PUSH_LATER;
        for (const struct addrinfo *at = found; at; at = at->ai_next) {
                if (!tg_push_guard_allows(at->ai_addr, self->job->rules->permitted)) {
                        outcome = TG_PUSH_REFUSED;
                        break;
                }
                outcome = TG_PUSH_SENT; /* so far */
                if (self->n_addresses < MAX_ADDRESSES)
                        memcpy(&self->addresses[self->n_addresses++],
                               at->ai_addr,
                               MIN(at->ai_addrlen, sizeof self->addresses[0]));
        }
        freeaddrinfo(found);

        return outcome;
}

/* HOST:PORT:ADDRESS,… as libcurl takes what is resolved already. */
static struct curl_slist *
pin(const Delivery *self)
{
        g_autofree char *text = NULL;
        GString *pinned = g_string_new(NULL);
        struct curl_slist *list;

        g_string_append_printf(pinned, "%s:%u:", self->endpoint->host, self->endpoint->port);
        for (guint i = 0; i < self->n_addresses; i++) {
                const struct sockaddr_storage *address = &self->addresses[i];
                const void *octets =
                        address->ss_family == AF_INET6
                                ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                                : &((const struct sockaddr_in *)address)->sin_addr;
                char number[INET6_ADDRSTRLEN];

                inet_ntop(address->ss_family, octets, number, sizeof number);
                g_string_append_printf(pinned,
                                       address->ss_family == AF_INET6 ? "%s[%s]" : "%s%s",
                                       i > 0 ? "," : "",
                                       number);
        }
        text = g_string_free(pinned, FALSE);
        list = curl_slist_append(NULL, text);
        explicit_bzero(text, strlen(text));

        return list;
}

/* The last word before a connection, whatever the library has made of it all. */
static curl_socket_t
on_socket(void *user_data, curlsocktype purpose, struct curl_sockaddr *address)
{
        Delivery *self = user_data;
        gboolean is_known = FALSE;

        for (guint i = 0; i < self->n_addresses; i++)
                is_known |= is_same(&address->addr, (struct sockaddr *)&self->addresses[i]);
        if (purpose == CURLSOCKTYPE_IPCXN && is_known &&
            tg_push_guard_allows(&address->addr, self->job->rules->permitted))
                return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        self->is_refused = TRUE;

        return CURL_SOCKET_BAD;
}

/* ---- what comes back ---- */

/* Dropped, and not even that for ever. */
static size_t
on_answer(char *bytes, size_t size, size_t n_bytes, void *user_data)
{
        Delivery *self = user_data;

        self->n_answer += n_bytes;

        return self->n_answer <= MAX_ANSWER_BYTES ? n_bytes : 0;
}

static size_t
on_header(char *bytes, size_t size, size_t n_bytes, void *user_data)
{
        Delivery *self = user_data;

        self->n_headers += n_bytes;

        return self->n_headers <= MAX_HEADERS_BYTES ? n_bytes : 0;
}

static int
on_progress(void *user_data, curl_off_t n_down, curl_off_t down, curl_off_t n_up, curl_off_t up)
{
        const Delivery *self = user_data;

        return *self->is_stopping;
}

/* The status is what counts, also of an answer that was never finished. */
static TgPushOutcome
judge(Delivery *self, CURL *easy)
{
        long status = 0;
        curl_off_t retry_after_s = 0;

        if (self->is_refused)
                return TG_PUSH_REFUSED;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        self->job->retry_after_s = (guint)CLAMP(retry_after_s, 0, MAX_RETRY_AFTER_S);
        if (status >= 200 && status < 300)
                return TG_PUSH_SENT;
        if (status == 404 || status == 410)
                return TG_PUSH_GONE;
        if (status < 200 || status >= 500 || status == 408 || status == 429)
                return TG_PUSH_LATER;

        return TG_PUSH_FAILED;
}

/* ---- the request ---- */

static void
set_limits(CURL *easy, Delivery *self, gint64 left_us)
{
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left_us / 1000));
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, self);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, self);
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static void
set_tls(CURL *easy, const TgPushRules *rules)
{
        const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        /* The system's in hashed files, where there are such: no bundle to be parsed each time. */
        if (rules->ca_file) {
                curl_easy_setopt(easy, CURLOPT_CAINFO, rules->ca_file);
                curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        } else if (info->capath) {
                curl_easy_setopt(easy, CURLOPT_CAPATH, info->capath);
                curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        }
}

static struct curl_slist *
make_headers(const Delivery *self)
{
        const TgPushRules *rules = self->job->rules;
        gint64 expires_s = g_get_real_time() / G_USEC_PER_SEC + TOKEN_LIFE_S;
        g_autofree char *value = tg_vapid_authorize(
                rules->vapid, self->endpoint->origin, expires_s, rules->contact, NULL);
        g_autofree char *line = value ? g_strconcat("Authorization: ", value, NULL) : NULL;
        struct curl_slist *headers = line ? curl_slist_append(NULL, line) : NULL;

        if (!headers)
                return NULL;
        curl_slist_append(headers, "TTL: " TTL);
        curl_slist_append(headers, "Urgency: normal");
        curl_slist_append(headers, "Topic: tigress"); /* of two that wait one is enough */
        curl_slist_append(headers, "User-Agent: tigress-relay");
        curl_slist_append(headers, "Accept:");
        curl_slist_append(headers, "Expect:");
        if (self->endpoint->has_keys) {
                curl_slist_append(headers, "Content-Encoding: aes128gcm");
                curl_slist_append(headers, "Content-Type: application/octet-stream");
        } else {
                curl_slist_append(headers, "Content-Type:");
        }

        return headers;
}

/* It says "look", and nothing else: for all the same octets, as many as any other message has. */
static gboolean
make_body(const Delivery *self, GBytes **ret_body)
{
        *ret_body = self->endpoint->has_keys
                            ? tg_webpush_encrypt(&self->endpoint->keys, "", 0, PADDING_BYTES, NULL)
                            : g_bytes_new_static("", 0);

        return *ret_body != NULL;
}

static TgPushOutcome
request(Delivery *self, gint64 left_us)
{
        CURL *easy = curl_easy_init();
        struct curl_slist *headers = make_headers(self), *pinned = pin(self);
        g_autoptr(GBytes) body = NULL;
        TgPushOutcome outcome = TG_PUSH_FAILED;

        if (easy && headers && pinned && make_body(self, &body)) {
                set_limits(easy, self, left_us);
                set_tls(easy, self->job->rules);
                curl_easy_setopt(easy, CURLOPT_URL, self->endpoint->url);
                curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
                if (!self->endpoint->is_numeric)
                        curl_easy_setopt(easy, CURLOPT_RESOLVE, pinned);
                curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
                curl_easy_setopt(easy, CURLOPT_POST, 1L);
                curl_easy_setopt(
                        easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)g_bytes_get_size(body));
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, g_bytes_get_data(body, NULL));
                curl_easy_perform(easy);
                outcome = judge(self, easy);
        }
        curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
        curl_slist_free_all(pinned);

        return outcome;
}

void
tg_push_deliver(TgPushJob *self,
                const TgPushEndpoint *endpoint,
                const _Atomic gboolean *is_stopping)
{
        Delivery delivery = {.job = self, .endpoint = endpoint, .is_stopping = is_stopping};
        gint64 end_us = g_get_monotonic_time() + self->rules->timeout_us;

        self->outcome = TG_PUSH_REFUSED;
        if (!tg_push_rules_allow_host(self->rules, endpoint->host))
                return;
        self->outcome = resolve(&delivery);
        if (self->outcome != TG_PUSH_SENT)
                return;
        self->outcome = TG_PUSH_LATER;
        if (g_get_monotonic_time() < end_us && !*is_stopping)
                self->outcome = request(&delivery, MAX(end_us - g_get_monotonic_time(), 1000));
        explicit_bzero(&delivery, sizeof delivery);
}
