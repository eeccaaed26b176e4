/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the wallet costs, beside a floor in the same run. Runs as root inside
 * tests/world (see tests/bench/wallet): acts for alice and bob as child processes,
 * each on the session bus of its user.
 *
 *      exchange N    share + accept of 2 kB, against the same requests by bare libcurl
 *      parts N       what other programs take of that: two answers of polkit, one item stored
 *      call N        a property, against one of an echo on the same bus
 *      objects N     GetManagedObjects with N shares, against its bytes through the echo
 *      memory N      resident memory idle, and per pending share
 *      idle N S      CPU time and wake-ups in S seconds with N pending shares
 */

#include <curl/curl.h>
#include <glib.h>
#include <libsecret/secret.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "people.h"
#include "standing.h"

/* ---- exchange ---- */

static void
run_sender(int fd)
{
        sd_bus *bus = open_watching();

        for (;;) {
                g_autofree char *go = hear(fd);
                g_autofree char *path = create_share(bus, TRUE);
                sd_bus_error error = SD_BUS_ERROR_NULL;
                sd_bus_message *reply = NULL;
                const char *link;

                wait_for_state(bus, path, "invited");
                check_call(sd_bus_call_method(bus,
                                              WALLET,
                                              path,
                                              WALLET ".Share",
                                              "GetInvitation",
                                              &error,
                                              &reply,
                                              NULL),
                           &error,
                           "GetInvitation");
                check(sd_bus_message_read(reply, "s", &link), "answer");
                say(fd, link);
                sd_bus_message_unref(reply);
                wait_for_state(bus, path, "completed");
                say(fd, "completed");
        }
}

static void
run_recipient(int fd)
{
        sd_bus *bus = open_watching();

        for (;;) {
                g_autofree char *link = hear(fd);
                g_autofree char *path = accept_link(bus, link);

                wait_for_state(bus, path, "completed");
                say(fd, "completed");
        }
}

static double
exchange_by_wallets(Child alice, Child bob)
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

/* The five requests, with bodies of the same sizes, on two new connections. */
static double
exchange_by_curl(void)
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
        request(b, "PUT", mailbox, claim_b, update, ignored);
        request(a, "POST", mailbox, claim_a, "", ignored);
        request(a, "DELETE", mailbox, claim_a, "", ignored);
        took_ms = (double)(g_get_monotonic_time() - begin_us) / 1000;
        curl_easy_cleanup(a);
        curl_easy_cleanup(b);
        return took_ms;
}

static void
bench_exchange(guint n)
{
        g_autofree double *ours = g_new(double, n);
        g_autofree double *floor = g_new(double, n);
        Child alice = spawn("alice", run_sender);
        Child bob = spawn("bob", run_recipient);
        double ours_ms;
        double floor_ms;

        exchange_by_wallets(alice, bob);
        exchange_by_curl();
        for (guint i = 0; i < n; i++) {
                ours[i] = exchange_by_wallets(alice, bob);
                floor[i] = exchange_by_curl();
        }
        ours_ms = median(ours, n);
        floor_ms = median(floor, n);
        g_print("exchange: %.1f ms (best %.1f), bare libcurl %.1f ms (best %.1f): ratio %.2f\n",
                ours_ms,
                ours[0],
                floor_ms,
                floor[0],
                ours_ms / floor_ms);
        dismiss(alice);
        dismiss(bob);
}

/* ---- parts ---- */

static guint64
start_time(void)
{
        g_autofree char *text = NULL;
        g_auto(GStrv) fields = NULL;

        g_file_get_contents("/proc/self/stat", &text, NULL, NULL);
        fields = g_strsplit(strrchr(text, ')') + 2, " ", -1);
        return g_ascii_strtoull(fields[19], NULL, 10);
}

static double
time_polkit(sd_bus *system_bus, guint64 started)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        gint64 begin_us = g_get_monotonic_time();
        int is_authorized = 0;

        check_call(sd_bus_call_method(system_bus,
                                      "org.freedesktop.PolicyKit1",
                                      "/org/freedesktop/PolicyKit1/Authority",
                                      "org.freedesktop.PolicyKit1.Authority",
                                      "CheckAuthorization",
                                      &error,
                                      &reply,
                                      "(sa{sv})sa{ss}us",
                                      "unix-process",
                                      3,
                                      "pid",
                                      "u",
                                      (guint32)getpid(),
                                      "start-time",
                                      "t",
                                      started,
                                      "uid",
                                      "i",
                                      (gint32)getuid(),
                                      "org.tigress.wallet.share",
                                      0,
                                      0,
                                      ""),
                   &error,
                   "CheckAuthorization");
        check(sd_bus_message_enter_container(reply, 'r', "bba{ss}"), "answer");
        check(sd_bus_message_read(reply, "b", &is_authorized), "answer");
        g_assert(is_authorized);
        sd_bus_message_unref(reply);
        return (double)(g_get_monotonic_time() - begin_us) / 1000;
}

static double
time_keyring(void)
{
        static const SecretSchema schema = {
                "org.tigress.Bench",
                SECRET_SCHEMA_NONE,
                {{"id", SECRET_SCHEMA_ATTRIBUTE_STRING}, {NULL, 0}},
        };
        g_autofree char *content = g_strnfill(CONTENT_BYTES, 'x');
        g_autofree char *id = g_uuid_string_random();
        g_autoptr(GError) error = NULL;
        gint64 begin_us = g_get_monotonic_time();

        if (!secret_password_store_sync(
                    &schema, NULL, "Bench", content, NULL, &error, "id", id, NULL))
                g_error("keyring: %s", error->message);
        return (double)(g_get_monotonic_time() - begin_us) / 1000;
}

static void
bench_parts(guint n)
{
        g_autofree double *polkit = g_new(double, n);
        g_autofree double *keyring = g_new(double, n);
        sd_bus *system_bus = NULL;
        guint64 started;

        become("alice");
        started = start_time();
        check(sd_bus_open_system(&system_bus), "system bus");
        time_polkit(system_bus, started);
        time_keyring();
        for (guint i = 0; i < n; i++) {
                polkit[i] = time_polkit(system_bus, started);
                keyring[i] = time_keyring();
        }
        g_print("of others: polkit twice %.1f ms, an item into the keyring %.1f ms\n",
                2 * median(polkit, n),
                median(keyring, n));
}

int
main(int argc, char **argv)
{
        const char *what = argc > 1 ? argv[1] : "";
        guint n = argc > 2 ? (guint)atoi(argv[2]) : 0;

        curl_global_init(CURL_GLOBAL_DEFAULT);
        if (g_str_equal(what, "exchange"))
                bench_exchange(n);
        else if (g_str_equal(what, "parts"))
                bench_parts(n);
        else if (g_str_equal(what, "call"))
                bench_call(n);
        else if (g_str_equal(what, "objects"))
                bench_objects(n);
        else if (g_str_equal(what, "memory"))
                bench_memory(n);
        else if (g_str_equal(what, "idle"))
                bench_idle(n, argc > 3 ? (guint)atoi(argv[3]) : 60);
        else
                g_error("bench-wallet exchange|parts|call|objects|memory|idle N: see "
                        "tests/bench/wallet");
        return 0;
}
