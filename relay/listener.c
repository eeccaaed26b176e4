/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "protocol/error.h"

/* A burst of new connections must not wait for a second try of theirs. */
#define BACKLOG 4096
#define UNIX_SCHEME "unix:"
/* In the unit of a socket: FileDescriptorName= */
#define MONITOR_NAME "metrics"

static void
clear_listener(gpointer data)
{
        TgListener *listener = data;

        if (listener->fd >= 0)
                close(listener->fd);
        g_free(listener->address);
}

static GArray *
new_listeners(void)
{
        GArray *listeners = g_array_new(FALSE, TRUE, sizeof(TgListener));

        g_array_set_clear_func(listeners, clear_listener);

        return listeners;
}

/* Splits "HOST:PORT"; the host without its brackets. */
static gboolean
split_address(const char *text, char **ret_host, guint16 *ret_port)
{
        const char *colon = strrchr(text, ':');
        gboolean is_bracketed = text[0] == '[';
        guint64 port;

        if (!colon || colon == text ||
            !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT16, &port, NULL))
                return FALSE;
        if (is_bracketed && (colon[-1] != ']' || colon - text < 3))
                return FALSE;
        *ret_host = is_bracketed ? g_strndup(text + 1, (gsize)(colon - text) - 2)
                                 : g_strndup(text, (gsize)(colon - text));
        *ret_port = (guint16)port;

        return TRUE;
}

static gboolean
parse_address(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_n_bytes)
{
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        g_autofree char *host = NULL;
        guint16 port;

        if (g_str_has_prefix(text, UNIX_SCHEME "/")) {
                const char *path = text + strlen(UNIX_SCHEME);

                if (g_strlcpy(un.sun_path, path, sizeof un.sun_path) >= sizeof un.sun_path)
                        return FALSE;
                memcpy(ret_address, &un, sizeof un);
                *ret_n_bytes = sizeof un;
                return TRUE;
        }
        if (!split_address(text, &host, &port))
                return FALSE;
        in.sin_port = in6.sin6_port = htons(port);
        if (strcmp(host, "localhost") == 0)
                in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

        if (strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &in.sin_addr) == 1) {
                memcpy(ret_address, &in, sizeof in);
                *ret_n_bytes = sizeof in;
                return TRUE;
        }
        /* "*": IPv6's any address takes IPv4, too */
        if (strcmp(host, "*") == 0 || inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
                memcpy(ret_address, &in6, sizeof in6);
                *ret_n_bytes = sizeof in6;
                return TRUE;
        }

        return FALSE;
}

static gboolean
is_loopback(const struct sockaddr *address)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;

        if (address->sa_family == AF_INET)
                return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        if (address->sa_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);

        return address->sa_family == AF_UNIX;
}

static char *
format_address(const struct sockaddr *address)
{
        const struct sockaddr_in *in = (const void *)address;
        const struct sockaddr_in6 *in6 = (const void *)address;
        char host[INET6_ADDRSTRLEN];

        if (address->sa_family == AF_INET)
                return g_strdup_printf("%s:%u",
                                       inet_ntop(AF_INET, &in->sin_addr, host, sizeof host),
                                       ntohs(in->sin_port));
        if (address->sa_family == AF_INET6)
                return g_strdup_printf("[%s]:%u",
                                       inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host),
                                       ntohs(in6->sin6_port));

        if (address->sa_family == AF_UNIX && ((const struct sockaddr_un *)in)->sun_path[0])
                return g_strconcat(UNIX_SCHEME, ((const struct sockaddr_un *)in)->sun_path, NULL);

        return g_strdup("a local socket");
}

/* Takes @fd. */
static gboolean
add_listener(GArray *listeners, int fd, GError **error)
{
        struct sockaddr_storage address = {0};
        socklen_t n_bytes = sizeof address;
        TgListener listener = {.fd = fd};

        if (getsockname(fd, (struct sockaddr *)&address, &n_bytes) < 0 ||
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
                tg_set_error(
                        error, TG_ERROR_FAILED, "cannot use the socket: %s", g_strerror(errno));
                close(fd);
                return FALSE;
        }
        listener.address = format_address((struct sockaddr *)&address);
        listener.is_local = is_loopback((struct sockaddr *)&address);
        g_array_append_val(listeners, listener);

        return TRUE;
}

static gboolean
read_address(const char *text,
             struct sockaddr_storage *ret_address,
             socklen_t *ret_n_bytes,
             GError **error)
{
        if (parse_address(text, ret_address, ret_n_bytes))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "cannot listen on \"%s\": give a numeric address and a port, as "
                     "127.0.0.1:8443 or [::]:443, or unix:/PATH",
                     text);

        return FALSE;
}

/* Left by a process that is no more: nobody answers on it. */
static void
remove_stale(const struct sockaddr_un *un)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return;
        if (connect(fd, (const struct sockaddr *)un, sizeof *un) < 0 && errno == ECONNREFUSED)
                unlink(un->sun_path);
        close(fd);
}

static int
open_socket(const char *text, GError **error)
{
        struct sockaddr_storage address = {0};
        socklen_t n_bytes;
        int fd, yes = 1, no = 0;

        if (!read_address(text, &address, &n_bytes, error))
                return -1;
        if (address.ss_family == AF_UNIX)
                remove_stale((const struct sockaddr_un *)&address);
        fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
            (address.ss_family != AF_INET6 || text[0] != '*' ||
             setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0) &&
            bind(fd, (struct sockaddr *)&address, n_bytes) == 0 && listen(fd, BACKLOG) == 0)
                return fd;

        tg_set_error(error,
                     TG_ERROR_FAILED,
                     "cannot listen on %s: %s; choose another with --listen",
                     text,
                     g_strerror(errno));
        if (fd >= 0)
                close(fd);

        return -1;
}

GArray *
tg_listeners_open(char **addresses, GError **error)
{
        g_autoptr(GArray) listeners = new_listeners();

        for (; *addresses; addresses++) {
                int fd = open_socket(*addresses, error);

                if (fd < 0 || !add_listener(listeners, fd, error))
                        return NULL;
        }

        return g_steal_pointer(&listeners);
}

GArray *
tg_listeners_parse(char **addresses, GError **error)
{
        g_autoptr(GArray) listeners = new_listeners();

        for (; *addresses; addresses++) {
                struct sockaddr_storage address = {0};
                TgListener listener = {.fd = -1};
                socklen_t n_bytes;

                if (!read_address(*addresses, &address, &n_bytes, error))
                        return NULL;
                listener.address = format_address((struct sockaddr *)&address);
                listener.is_local = is_loopback((struct sockaddr *)&address);
                g_array_append_val(listeners, listener);
        }

        return g_steal_pointer(&listeners);
}

GArray *
tg_listeners_inherit(GError **error)
{
        g_autoptr(GArray) listeners = new_listeners();
        g_auto(GStrv) names = NULL; /* by malloc(), which is what GLib frees */
        int n_fds = sd_listen_fds_with_names(TRUE, &names);

        for (int i = 0; i < n_fds; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "systemd has handed over something that is no listening "
                                     "stream socket: use ListenStream= and Accept=no");
                        return NULL;
                }
                if (!add_listener(listeners, fd, error))
                        return NULL;
                g_array_index(listeners, TgListener, listeners->len - 1).is_monitor =
                        names && names[i] && strcmp(names[i], MONITOR_NAME) == 0;
        }

        return g_steal_pointer(&listeners);
}
