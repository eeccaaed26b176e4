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
#include <gio/gio.h>
#include <glib.h>
#include <grp.h>
#include <libsecret/secret.h>
#include <pwd.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define WALLET "org.tigress.Wallet1"
#define MANAGER "/org/tigress/Wallet1"
#define CONTENT_BYTES 2048
#define ECHO "org.tigress.Bench.Echo"
#define LONG_US (600 * G_USEC_PER_SEC)

static void
check(int r, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, g_strerror(-r));
}

static void
check_call(int r, const sd_bus_error *error, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, error->message != NULL ? error->message : g_strerror(-r));
}

static int
compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;

        return (x > y) - (x < y);
}

static double
median(double *values, guint n)
{
        qsort(values, n, sizeof values[0], compare_doubles);
        return values[n / 2];
}

/* ---- people ---- */

static void
become(const char *name)
{
        const struct passwd *user = getpwnam(name);
        g_autofree char *runtime = NULL;
        g_autofree char *address = NULL;

        if (user == NULL)
                g_error("there is no user %s: run tests/bench/wallet", name);
        if (setgid(user->pw_gid) < 0 || initgroups(name, user->pw_gid) < 0 ||
            setuid(user->pw_uid) < 0)
                g_error("cannot become %s", name);
        runtime = g_strdup_printf("/run/user/%u", user->pw_uid);
        address = g_strdup_printf("unix:path=%s/bus", runtime);
        g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
        g_setenv("HOME", user->pw_dir, TRUE);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static sd_bus *
open_bus(void)
{
        sd_bus *bus = NULL;

        check(sd_bus_open_user(&bus), "session bus");
        check(sd_bus_set_method_call_timeout(bus, LONG_US), "time-out");
        return bus;
}

typedef struct {
        pid_t pid;
        int fd;
} Child;

/* A child process as @user; they talk in datagrams. */
static Child
spawn(const char *user, void (*run)(int fd))
{
        Child child;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
                g_error("socketpair");
        child.pid = fork();
        if (child.pid == 0) {
                close(fds[0]);
                become(user);
                run(fds[1]);
                _exit(0);
        }
        close(fds[1]);
        child.fd = fds[0];
        return child;
}

static void
say(int fd, const char *text)
{
        if (send(fd, text, strlen(text), 0) < 0)
                g_error("a child is gone");
}

static char *
hear(int fd)
{
        char buffer[8192];
        ssize_t n = recv(fd, buffer, sizeof buffer - 1, 0);

        if (n <= 0)
                _exit(0);
        buffer[n] = '\0';
        return g_strdup(buffer);
}

static void
dismiss(Child child)
{
        close(child.fd);
        kill(child.pid, SIGKILL);
        waitpid(child.pid, NULL, 0);
}

/* ---- calls to the wallet ---- */

static int
as_memfd(const void *bytes, gsize n_bytes)
{
        int fd = memfd_create("bench", MFD_CLOEXEC);

        if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes || lseek(fd, 0, SEEK_SET) != 0)
                g_error("memfd");
        return fd;
}

static char *
create_share(sd_bus *bus, gboolean is_expected)
{
        g_autofree char *content = g_strnfill(CONTENT_BYTES, 'x');
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        sd_bus_message *reply = NULL;
        const char *path = NULL;
        char *result = NULL;
        int fd = as_memfd(content, CONTENT_BYTES);
        int r;

        check(sd_bus_message_new_method_call(
                      bus, &message, WALLET, MANAGER, WALLET ".Manager", "CreateShare"),
              "message");
        check(sd_bus_message_append(message,
                                    "sa{sv}a{sv}",
                                    "digitalwallet.generic.authorizationToken",
                                    1,
                                    "content",
                                    "h",
                                    fd,
                                    1,
                                    "title",
                                    "s",
                                    "Bench"),
              "arguments");
        r = sd_bus_call(bus, message, LONG_US, &error, &reply);
        close(fd);
        if (is_expected) {
                check_call(r, &error, "CreateShare");
                check(sd_bus_message_read(reply, "o", &path), "answer");
                result = g_strdup(path);
        }
        sd_bus_error_free(&error);
        sd_bus_message_unref(message);
        sd_bus_message_unref(reply);
        return result;
}

static char *
accept_link(sd_bus *bus, const char *link)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *path;
        char *result;
        int fd = as_memfd(link, strlen(link));
        int r = sd_bus_call_method(bus,
                                   WALLET,
                                   MANAGER,
                                   WALLET ".Manager",
                                   "AcceptInvitation",
                                   &error,
                                   &reply,
                                   "va{sv}",
                                   "h",
                                   fd,
                                   0);

        close(fd);
        check_call(r, &error, "AcceptInvitation");
        check(sd_bus_message_read(reply, "o", &path), "answer");
        result = g_strdup(path);
        sd_bus_message_unref(reply);
        return result;
}

static char *
get_text(sd_bus *bus, const char *path, const char *property)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *value = NULL;

        check_call(sd_bus_get_property_string(
                           bus, WALLET, path, WALLET ".Share", property, &error, &value),
                   &error,
                   property);
        return value;
}

static void
wait_for_state(sd_bus *bus, const char *path, const char *wanted)
{
        for (;;) {
                char *state = get_text(bus, path, "State");
                gboolean is_there = g_str_equal(state, wanted);
                int r;

                free(state);
                if (is_there)
                        return;
                /* Whatever arrives next is a change of something. */
                while ((r = sd_bus_process(bus, NULL)) > 0)
                        ;
                check(r, "process");
                check(sd_bus_wait(bus, 10 * G_USEC_PER_SEC), "wait");
        }
}

static int
on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return 0;
}

static sd_bus *
open_watching(void)
{
        sd_bus *bus = open_bus();

        check(sd_bus_add_match(bus,
                               NULL,
                               "type='signal',sender='" WALLET
                               "',interface='org.freedesktop.DBus.Properties'",
                               on_signal,
                               NULL),
              "match");
        return bus;
}

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

static void
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
static void
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
                g_free(create_share(bus, FALSE));
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
                        g_autofree char *path = create_share(bus, TRUE);

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

static void
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

static void
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
