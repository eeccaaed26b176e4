/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "exchange.h"

#include <curl/curl.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <string.h>

#include "people.h"

/* Tells the link, a blank, and the PIN where there is one. */
static void
send_shares(int fd, const char *mode)
{
        sd_bus *bus = open_watching();

        for (;;) {
                g_autofree char *go = hear(fd);
                g_autofree char *path = create_share(bus, mode, TRUE);
                g_autofree char *link = NULL;
                g_autofree char *pin = NULL;
                g_autofree char *both = NULL;

                wait_for_state(bus, path, "invited");
                link = ask_share(bus, path, "GetInvitation");
                pin = g_str_equal(mode, "t2-pin") ? ask_share(bus, path, "GetPin") : g_strdup("");
                both = g_strconcat(link, " ", pin, NULL);
                say(fd, both);
                wait_for_state(bus, path, "completed");
                say(fd, "completed");
        }
}

static void
send_t1(int fd)
{
        send_shares(fd, "t1");
}

static void
send_t2(int fd)
{
        send_shares(fd, "t2");
}

static void
send_with_pin(int fd)
{
        send_shares(fd, "t2-pin");
}

/* Tells how long it took from the PIN, or from the link where there is none. */
static void
run_recipient(int fd)
{
        sd_bus *bus = open_watching();

        for (;;) {
                g_autofree char *both = hear(fd);
                char *pin = strchr(both, ' ');
                g_autofree char *path = NULL;
                g_autofree char *took = NULL;
                gint64 begin_us = g_get_monotonic_time();

                *pin++ = '\0';
                path = accept_link(bus, both);
                if (*pin != '\0') {
                        wait_for_state(bus, path, "pin-needed");
                        begin_us = g_get_monotonic_time();
                        provide_pin(bus, path, pin);
                }
                wait_for_state(bus, path, "completed");
                took = g_strdup_printf("%" G_GINT64_FORMAT, g_get_monotonic_time() - begin_us);
                say(fd, took);
        }
}

static double
exchange_by_wallets(Child alice, Child bob, double *ret_recipient_ms)
{
        gint64 begin_us = g_get_monotonic_time();
        g_autofree char *link = NULL;
        g_autofree char *received = NULL;
        g_autofree char *sent = NULL;

        say(alice.fd, "go");
        link = hear(alice.fd);
        say(bob.fd, link);
        received = hear(bob.fd);
        sent = hear(alice.fd);
        if (ret_recipient_ms != NULL)
                *ret_recipient_ms = (double)g_ascii_strtoll(received, NULL, 10) / 1000;
        return (double)(g_get_monotonic_time() - begin_us) / 1000;
}

static size_t
collect(char *bytes, size_t size, size_t n, void *user_data)
{
        g_string_append_len(user_data, bytes, (gssize)(size * n));
        return size * n;
}

static void
request(CURL *curl,
        const char *method,
        const char *url,
        const char *claim,
        const char *body,
        GString *answer)
{
        struct curl_slist *headers = NULL;
        g_autofree char *claim_line = g_strconcat("Mailbox-Device-Claim: ", claim, NULL);
        g_autofree char *uuid = g_uuid_string_random();
        g_autofree char *id_line = g_strconcat("Mailbox-Request-ID: ", uuid, NULL);
        long status = 0;
        CURLcode code;

        headers = curl_slist_append(headers, claim_line);
        headers = curl_slist_append(headers, id_line);
        headers = curl_slist_append(headers, "Content-Type: application/json");
        headers = curl_slist_append(headers, "Expect:");
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        code = curl_easy_perform(curl);
        if (code != CURLE_OK)
                g_error("%s %s: %s", method, url, curl_easy_strerror(code));
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
                g_error("%s: status %ld", method, status);
        curl_slist_free_all(headers);
}

static CURL *
new_client(void)
{
        CURL *curl = curl_easy_init();

        curl_easy_setopt(curl, CURLOPT_CAINFO, g_getenv("TIGRESS_TRIAL_CA"));
        return curl;
}

/* The five requests of T1, or the nine of T2, with bodies of the same sizes, on two new
 * connections. */
static double
exchange_by_curl(gboolean is_t2)
{
        g_autofree char *sealed = g_malloc0(4096 + 28);
        g_autofree char *data = g_base64_encode((const guchar *)sealed, 4096 + 28);
        g_autofree char *payload = g_strdup_printf(
                "\"payload\":{\"type\":\"AEAD_AES_256_GCM\",\"data\":\"%s\"}", data);
        g_autofree char *create = g_strdup_printf(
                "{%s,\"displayInformation\":{\"title\":\"Shared credential\",\"description\":\"\","
                "\"imageURL\":\"\"},\"mailboxConfiguration\":{\"accessRights\":\"RWD\"}}",
                payload);
        g_autofree char *update = g_strdup_printf("{%s}", payload);
        g_autofree char *url = g_strconcat(g_getenv("TIGRESS_TRIAL_RELAY"), "/v1/m", NULL);
        g_autofree char *claim_a = g_uuid_string_random();
        g_autofree char *claim_b = g_uuid_string_random();
        g_autoptr(GString) answer = g_string_new(NULL);
        g_autoptr(GString) ignored = g_string_new(NULL);
        g_autofree char *mailbox = NULL;
        gint64 begin_us = g_get_monotonic_time();
        CURL *a = new_client();
        CURL *b = new_client();
        char *link;
        double took_ms;

        request(a, "POST", url, claim_a, create, answer);
        link = strstr(answer->str, "https://");
        mailbox = g_strndup(link, strcspn(link, "\""));
        request(b, "POST", mailbox, claim_b, "", ignored);
        if (is_t2) {
                request(b, "PUT", mailbox, claim_b, update, ignored);
                request(a, "POST", mailbox, claim_a, "", ignored);
                request(a, "PUT", mailbox, claim_a, update, ignored);
                request(b, "POST", mailbox, claim_b, "", ignored);
        }
        request(b, "PUT", mailbox, claim_b, update, ignored);
        request(a, "POST", mailbox, claim_a, "", ignored);
        request(a, "DELETE", mailbox, claim_a, "", ignored);
        took_ms = (double)(g_get_monotonic_time() - begin_us) / 1000;
        curl_easy_cleanup(a);
        curl_easy_cleanup(b);
        return took_ms;
}

/* What each side spends on the PIN, empty or not: in fresh memory, 16 MB, as in the wallet, which
 * gives it back each time. A loop that keeps it needs a quarter less. */
static double
time_scrypt(void)
{
        static const guint8 salt[32];
        double times[5];

        mallopt(M_MMAP_THRESHOLD, 128 * 1024);
        for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
                gint64 begin_us = g_get_monotonic_time();
                guint8 key[40];

                if (EVP_PBE_scrypt("1234566", 7, salt, 32, 16384, 8, 1, 0, key, sizeof key) != 1)
                        g_error("scrypt");
                times[i] = (double)(g_get_monotonic_time() - begin_us) / 1000;
        }
        return median(times, G_N_ELEMENTS(times));
}

static void
compare(guint n, void (*sender)(int fd), gboolean is_t2)
{
        g_autofree double *ours = g_new(double, n);
        g_autofree double *floor = g_new(double, n);
        Child alice = spawn("alice", sender);
        Child bob = spawn("bob", run_recipient);
        double scrypt_ms = is_t2 ? 2 * time_scrypt() : 0;
        double ours_ms;
        double floor_ms;

        exchange_by_wallets(alice, bob, NULL);
        exchange_by_curl(is_t2);
        for (guint i = 0; i < n; i++) {
                ours[i] = exchange_by_wallets(alice, bob, NULL);
                floor[i] = exchange_by_curl(is_t2);
        }
        ours_ms = median(ours, n);
        floor_ms = median(floor, n);
        g_print("%s: %.1f ms (best %.1f), scrypt of it %.1f ms, bare libcurl %.1f ms (best %.1f): "
                "ratio %.2f\n",
                is_t2 ? "t2" : "exchange",
                ours_ms,
                ours[0],
                scrypt_ms,
                floor_ms,
                floor[0],
                (ours_ms - scrypt_ms) / floor_ms);
        dismiss(alice);
        dismiss(bob);
}

void
bench_exchange(guint n)
{
        compare(n, send_t1, FALSE);
}

void
bench_t2(guint n)
{
        compare(n, send_t2, TRUE);
}

void
bench_typed(guint n)
{
        g_autofree double *times = g_new(double, n);
        Child alice = spawn("alice", send_with_pin);
        Child bob = spawn("bob", run_recipient);
        double ms;

        exchange_by_wallets(alice, bob, NULL);
        for (guint i = 0; i < n; i++)
                exchange_by_wallets(alice, bob, &times[i]);
        ms = median(times, n);
        g_print("typed: %.1f ms (best %.1f) from the PIN to the credential in the keyring, scrypt "
                "of "
                "it %.1f ms\n",
                ms,
                times[0],
                time_scrypt());
        dismiss(alice);
        dismiss(bob);
}
