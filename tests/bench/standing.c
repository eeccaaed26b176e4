/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "standing.h"

#include <curl/curl.h>
#include <gio/gio.h>
#include <libsecret/secret.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "people.h"

/* ---- echo ---- */

static int
echo_property(sd_bus *bus,
              const char *path,
              const char *interface,
              const char *property,
              sd_bus_message *reply,
              void *userdata,
              sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", "0.1.0");
}

static int
echo_bytes(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        sd_bus_message *reply = NULL;
        const void *bytes;
        size_t n_bytes;

        check(sd_bus_message_read_array(message, 'y', &bytes, &n_bytes), "read");
        check(sd_bus_message_new_method_return(message, &reply), "reply");
        check(sd_bus_message_append_array(reply, 'y', bytes, n_bytes), "append");
        check(sd_bus_send(NULL, reply, NULL), "send");
        sd_bus_message_unref(reply);
        return 1;
}

static const sd_bus_vtable echo_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Echo", "ay", "ay", echo_bytes, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", echo_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};

static void
run_echo(int fd)
{
        sd_bus *bus = open_bus();

        /* The wallet's libraries are loaded here too, as the floor of memory asks. */
        g_assert(curl_version() != NULL && sqlite3_libversion() != NULL &&
                 secret_service_get_type() != 0);
        check(sd_bus_add_object_vtable(bus, NULL, "/echo", ECHO, echo_vtable, NULL), "object");
        check(sd_bus_request_name(bus, ECHO, 0), "name");
        say(fd, "ready");
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                check(r, "process");
                if (r == 0)
                        check(sd_bus_wait(bus, UINT64_MAX), "wait");
        }
}

static Child
spawn_echo(void)
{
        Child echo = spawn("alice", run_echo);
        g_autofree char *ready = hear(echo.fd);

        return echo;
}

static double
time_get(sd_bus *bus, const char *name, const char *path, const char *interface)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        gint64 begin_us = g_get_monotonic_time();
        char *value = NULL;

        check_call(
                sd_bus_get_property_string(bus, name, path, interface, "Version", &error, &value),
                &error,
                "Get");
        free(value);
        return (double)(g_get_monotonic_time() - begin_us);
}

void
bench_call(guint n)
{
        g_autofree double *ours = g_new(double, n);
        g_autofree double *floor = g_new(double, n);
        Child echo = spawn_echo();
        sd_bus *bus;
        double ours_us;
        double floor_us;

        become("alice");
        bus = open_bus();
        time_get(bus, WALLET, MANAGER, WALLET ".Manager");
        for (guint i = 0; i < n; i++) {
                ours[i] = time_get(bus, WALLET, MANAGER, WALLET ".Manager");
                floor[i] = time_get(bus, ECHO, "/echo", ECHO);
        }
        ours_us = median(ours, n);
        floor_us = median(floor, n);
        g_print("property get: %.0f us, echo %.0f us: ratio %.2f\n",
                ours_us,
                floor_us,
                ours_us / floor_us);
        close(echo.fd);
        kill(echo.pid, SIGKILL);
}

/* ---- objects ---- */

static GVariant *
ask_objects(GDBusConnection *connection, gsize *ret_n_bytes)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDBusMessage) call = g_dbus_message_new_method_call(
                WALLET, MANAGER, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        g_autoptr(GDBusMessage) reply = NULL;
        g_autofree guchar *blob = NULL;

        reply = g_dbus_connection_send_message_with_reply_sync(
                connection, call, 0, G_MAXINT, NULL, NULL, &error);
        if (reply == NULL)
                g_error("GetManagedObjects: %s", error->message);
        blob = g_dbus_message_to_blob(reply, ret_n_bytes, 0, &error);
        return g_variant_ref(g_dbus_message_get_body(reply));
}

static gsize
size_of_objects(guint *ret_n_objects)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDBusConnection) connection = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
        g_autoptr(GVariant) body = NULL;
        g_autoptr(GVariant) objects = NULL;
        gsize n_bytes = 0;

        body = ask_objects(connection, &n_bytes);
        objects = g_variant_get_child_value(body, 0);
        *ret_n_objects = (guint)g_variant_n_children(objects);
        return n_bytes;
}

static double
time_objects(sd_bus *bus)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        gint64 begin_us = g_get_monotonic_time();
        double took_us;

        check_call(sd_bus_call_method(bus,
                                      WALLET,
                                      MANAGER,
                                      "org.freedesktop.DBus.ObjectManager",
                                      "GetManagedObjects",
                                      &error,
                                      &reply,
                                      NULL),
                   &error,
                   "GetManagedObjects");
        took_us = (double)(g_get_monotonic_time() - begin_us);
        sd_bus_message_unref(reply);
        return took_us;
}

static double
time_echo(sd_bus *bus, const guint8 *bytes, gsize n_bytes)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        sd_bus_message *reply = NULL;
        gint64 begin_us = g_get_monotonic_time();
        double took_us;

        check(sd_bus_message_new_method_call(bus, &message, ECHO, "/echo", ECHO, "Echo"), "new");
        check(sd_bus_message_append_array(message, 'y', bytes, n_bytes), "append");
        check_call(sd_bus_call(bus, message, LONG_US, &error, &reply), &error, "Echo");
        took_us = (double)(g_get_monotonic_time() - begin_us);
        sd_bus_message_unref(message);
        sd_bus_message_unref(reply);
        return took_us;
}

/* Shares that ended as refused: the script has told polkit to say no. */
void
bench_objects(guint n)
{
        enum { ROUNDS = 7 };
        double ours[ROUNDS];
        double floor[ROUNDS];
        Child echo = spawn_echo();
        g_autofree guint8 *bytes = NULL;
        gsize n_bytes;
        guint n_objects;
        sd_bus *bus;
        double ours_ms;
        double floor_ms;

        become("alice");
        bus = open_bus();
        for (guint i = 0; i < n; i++)
                g_free(create_share(bus, "t2", FALSE));
        n_bytes = size_of_objects(&n_objects);
        bytes = g_malloc0(n_bytes);
        for (guint i = 0; i < ROUNDS; i++) {
                ours[i] = time_objects(bus);
                floor[i] = time_echo(bus, bytes, n_bytes);
        }
        ours_ms = median(ours, ROUNDS) / 1000;
        floor_ms = median(floor, ROUNDS) / 1000;
        g_print("GetManagedObjects: %u objects, %.1f MB: %.0f ms, echo of the bytes %.0f ms: "
                "ratio %.2f\n",
                n_objects,
                (double)n_bytes / 1e6,
                ours_ms,
                floor_ms,
                ours_ms / floor_ms);
        close(echo.fd);
        kill(echo.pid, SIGKILL);
}

/* ---- memory and idleness ---- */

static pid_t
wallet_pid(sd_bus *bus)
{
        sd_bus_creds *creds = NULL;
        pid_t pid;

        check(sd_bus_get_name_creds(bus, WALLET, SD_BUS_CREDS_PID, &creds), "name");
        check(sd_bus_creds_get_pid(creds, &pid), "pid");
        sd_bus_creds_unref(creds);
        return pid;
}

/* A number after @key in a file of /proc/PID. */
static gint64
proc_number(pid_t pid, const char *file, const char *key)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, file);
        g_autofree char *text = NULL;
        const char *at;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                g_error("cannot read %s", path);
        at = strstr(text, key);
        if (at == NULL)
                g_error("%s has no %s", path, key);
        return g_ascii_strtoll(at + strlen(key), NULL, 10);
}

static gint64
rss_kib(pid_t pid)
{
        return proc_number(pid, "smaps_rollup", "Rss:");
}

/* CPU time in milliseconds. */
static double
cpu_ms(pid_t pid)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/schedstat", pid);
        g_autofree char *text = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                g_error("cannot read %s", path);
        return (double)g_ascii_strtoll(text, NULL, 10) / 1e6;
}

/* Creates as many shares as it is told, and answers. */
static void
run_creator(int fd)
{
        sd_bus *bus = open_watching();

        for (;;) {
                g_autofree char *order = hear(fd);
                guint n = (guint)atoi(order);

                time_get(bus, WALLET, MANAGER, WALLET ".Manager");
                for (guint i = 0; i < n; i++) {
                        g_autofree char *path = create_share(bus, "t2", TRUE);

                        wait_for_state(bus, path, "invited");
                }
                g_autofree char *pid = g_strdup_printf("%d", wallet_pid(bus));
                say(fd, pid);
        }
}

static pid_t
make_shares(Child creator, guint n)
{
        g_autofree char *order = g_strdup_printf("%u", n);
        g_autofree char *pid = NULL;

        say(creator.fd, order);
        pid = hear(creator.fd);
        return atoi(pid);
}

void
bench_memory(guint n)
{
        Child echo = spawn_echo();
        Child creator = spawn("alice", run_creator);
        pid_t pid = make_shares(creator, 0);
        gint64 echo_kib = rss_kib(echo.pid);
        gint64 idle_kib = rss_kib(pid);
        gint64 warm_kib;
        gint64 full_kib;

        /* The first shares bring TLS and the keyring's session into memory. */
        make_shares(creator, 40);
        warm_kib = rss_kib(pid);
        make_shares(creator, n);
        full_kib = rss_kib(pid);
        g_print("idle: %" G_GINT64_FORMAT
                " KiB resident, echo with the same libraries %" G_GINT64_FORMAT
                " KiB: ratio %.2f\n",
                idle_kib,
                echo_kib,
                (double)idle_kib / (double)echo_kib);
        g_print("pending: %" G_GINT64_FORMAT " KiB with 40 shares, %" G_GINT64_FORMAT
                " KiB with %u more: %.1f KiB a share\n",
                warm_kib,
                full_kib,
                n,
                (double)(full_kib - warm_kib) / n);
        dismiss(creator);
        close(echo.fd);
        kill(echo.pid, SIGKILL);
}

void
bench_idle(guint n, guint seconds)
{
        Child creator = spawn("alice", run_creator);
        pid_t pid = make_shares(creator, n);
        double cpu_begin;
        gint64 wakeups;

        g_usleep(5 * G_USEC_PER_SEC);
        cpu_begin = cpu_ms(pid);
        wakeups = proc_number(pid, "status", "voluntary_ctxt_switches:");
        g_usleep(seconds * G_USEC_PER_SEC);
        g_print("idle with %u pending shares for %u s: %.0f ms of CPU, %" G_GINT64_FORMAT
                " wake-ups\n",
                n,
                seconds,
                cpu_ms(pid) - cpu_begin,
                proc_number(pid, "status", "voluntary_ctxt_switches:") - wakeups);
        dismiss(creator);
}
