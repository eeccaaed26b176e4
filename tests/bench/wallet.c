/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the wallet costs, beside a floor in the same run. Runs as root inside
 * tests/world (see tests/bench/wallet): acts for alice and bob as child processes,
 * each on the session bus of its user.
 *
 *      exchange N    share + accept of 2 kB as other wallets do it, against the same requests by
 *                    bare libcurl
 *      t2 N          the same with T2, scrypt taken out
 *      typed N       from the PIN that is typed to the credential in the keyring
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

#include "exchange.h"
#include "people.h"
#include "standing.h"

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
        else if (g_str_equal(what, "t2"))
                bench_t2(n);
        else if (g_str_equal(what, "typed"))
                bench_typed(n);
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
                g_error("bench-wallet exchange|t2|typed|parts|call|objects|memory|idle N: see "
                        "tests/bench/wallet");
        return 0;
}
