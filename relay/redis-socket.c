/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/error.h"

struct TgRedisSocket {
        int fd;
        int stop_fd;
        SSL *ssl;
};

static gboolean
fail(GError **error, const char *what, const char *why)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "%s: %s", what, why);
        return FALSE;
}

gboolean
tg_redis_socket_wait(TgRedisSocket *self, short events, gint64 deadline_us)
{
        struct pollfd fds[] = {
                {self->fd,      events, 0},
                {self->stop_fd, POLLIN, 0},
        };

        for (;;) {
                gint64 left_us = deadline_us - g_get_monotonic_time();
                int n;

                if (left_us <= 0)
                        return FALSE;
                n = poll(fds, 2, (int)(left_us / 1000) + 1);
                if (n < 0 && errno != EINTR)
                        return FALSE;
                if (n > 0)
                        return fds[1].revents == 0;
        }
}

/* ---- TLS ---- */

static SSL_CTX *
new_context(const TgRedisTls *tls, GError **error)
{
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        const char *what = NULL;

        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
            (tls->ca_file ? SSL_CTX_load_verify_file(context, tls->ca_file)
                          : SSL_CTX_set_default_verify_paths(context)) != 1)
                what = "cannot read the authorities: check StoreCaFile=";
        else if (tls->certificate &&
                 (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1 ||
                  SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1))
                what = "cannot read the relay's own certificate: check StoreCertificate= and "
                       "StoreKey=";
        if (!what)
                return context;
        ERR_clear_error();
        SSL_CTX_free(context);
        tg_set_error(error, TG_ERROR_UNREACHABLE, "%s", what);

        return NULL;
}

/* The certificate must be for the host that was asked for, name or number. */
static gboolean
expect_host(SSL *ssl, const char *name)
{
        X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

        if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
                return TRUE;
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);

        return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
               SSL_set_tlsext_host_name(ssl, name) == 1;
}

static gboolean
shake_hands(TgRedisSocket *self, gint64 deadline_us, GError **error)
{
        for (;;) {
                int r = SSL_connect(self->ssl);
                int why = SSL_get_error(self->ssl, r);
                long verified = SSL_get_verify_result(self->ssl);

                if (r == 1)
                        return TRUE;
                ERR_clear_error();
                if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                        return fail(error,
                                    "TLS with the store",
                                    verified == X509_V_OK
                                            ? "the other side refuses it"
                                            : X509_verify_cert_error_string(verified));
                if (!tg_redis_socket_wait(
                            self, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_us))
                        return fail(error, "TLS with the store", "no answer");
        }
}

static gboolean
begin_tls(TgRedisSocket *self,
          const TgRedisTls *tls,
          const char *name,
          gint64 deadline_us,
          GError **error)
{
        SSL_CTX *context = new_context(tls, error);

        if (!context)
                return FALSE;
        self->ssl = SSL_new(context);
        SSL_CTX_free(context); /* the connection has its own reference */
        if (!expect_host(self->ssl, name) || SSL_set_fd(self->ssl, self->fd) != 1)
                return fail(error, "TLS with the store", "the host's name is none");

        return shake_hands(self, deadline_us, error);
}

/* ---- connecting ---- */

static gboolean
connect_to(TgRedisSocket *self,
           int family,
           const struct sockaddr *address,
           socklen_t n_bytes,
           gint64 deadline_us,
           GError **error)
{
        socklen_t n_problem = sizeof(int);
        int problem = 0, one = 1;

        self->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (self->fd < 0)
                return fail(error, "cannot connect to the store", g_strerror(errno));
        if (family != AF_UNIX)
                setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(self->fd, address, n_bytes) == 0)
                return TRUE;
        if (errno == EINPROGRESS) {
                if (!tg_redis_socket_wait(self, POLLOUT, deadline_us))
                        problem = ETIMEDOUT;
                else
                        getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &problem, &n_problem);
        } else {
                problem = errno;
        }
        if (problem == 0)
                return TRUE;
        close(self->fd);
        self->fd = -1;

        return fail(error, "cannot connect to the store", g_strerror(problem));
}

static gboolean
connect_local(TgRedisSocket *self, const char *path, gint64 deadline_us, GError **error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        g_strlcpy(address.sun_path, path, sizeof address.sun_path);

        return connect_to(
                self, AF_UNIX, (struct sockaddr *)&address, sizeof address, deadline_us, error);
}

static gboolean
connect_remote(TgRedisSocket *self, const TgRedisHost *host, gint64 deadline_us, GError **error)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
        struct addrinfo *found = NULL;
        int r = getaddrinfo(host->name, host->port, &hints, &found);
        gboolean is_connected = FALSE;

        if (r != 0)
                return fail(error, "cannot find the store's host", gai_strerror(r));
        for (struct addrinfo *at = found; at && !is_connected; at = at->ai_next) {
                if (error)
                        g_clear_error(error);
                is_connected = connect_to(
                        self, at->ai_family, at->ai_addr, at->ai_addrlen, deadline_us, error);
        }
        freeaddrinfo(found);

        return is_connected;
}

TgRedisSocket *
tg_redis_socket_open(const char *path,
                     const TgRedisHost *host,
                     const TgRedisTls *tls,
                     int stop_fd,
                     gint64 deadline_us,
                     GError **error)
{
        g_autoptr(TgRedisSocket) self = g_new0(TgRedisSocket, 1);

        self->fd = -1;
        self->stop_fd = stop_fd;
        if (path ? !connect_local(self, path, deadline_us, error)
                 : !connect_remote(self, host, deadline_us, error))
                return NULL;
        if (tls && !begin_tls(self, tls, host->name, deadline_us, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_redis_socket_free(TgRedisSocket *self)
{
        if (!self)
                return;
        SSL_free(self->ssl);
        if (self->fd >= 0)
                close(self->fd);
        g_free(self);
}

/* ---- once it is open ---- */

int
tg_redis_socket_get_fd(TgRedisSocket *self)
{
        return self->fd;
}

static gssize
settle_tls(TgRedisSocket *self, int r)
{
        int why = SSL_get_error(self->ssl, r);

        if (r > 0)
                return r;
        ERR_clear_error();

        return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static gssize
settle_plain(gssize n)
{
        if (n > 0)
                return n;

        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

gssize
tg_redis_socket_read(TgRedisSocket *self, void *bytes, gsize n_bytes)
{
        if (self->ssl)
                return settle_tls(self, SSL_read(self->ssl, bytes, (int)n_bytes));

        return settle_plain(read(self->fd, bytes, n_bytes));
}

gssize
tg_redis_socket_write(TgRedisSocket *self, const void *bytes, gsize n_bytes)
{
        if (self->ssl)
                return settle_tls(self, SSL_write(self->ssl, bytes, (int)MIN(n_bytes, G_MAXINT)));

        return settle_plain(send(self->fd, bytes, n_bytes, MSG_NOSIGNAL));
}
