/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/https-server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_REQUEST_BYTES (256 * 1024)

struct HttpsServer {
        HttpsServerKind kind;
        char *ca_file;
        SSL_CTX *tls;
        int listener;
        guint16 port;
        GThread *thread;

        GMutex mutex;
        GCond cond;
        gboolean is_ending;
        GArray *open; /* int: sockets */
        guint n_opened;
        guint n_resumed;
        GPtrArray *paths;
};

typedef struct {
        HttpsServer *server;
        int fd;
        guint number;
        SSL *tls;
} Connection;

/* ---- certificates ---- */

static void
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        g_assert_nonnull(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

static X509 *
make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, long from_s)
{
        X509 *certificate = X509_new();
        X509_NAME *subject = X509_get_subject_name(certificate);

        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer ? 2 : 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
        X509_gmtime_adj(X509_getm_notAfter(certificate), from_s + 86400);
        X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
        X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject);
        X509_set_pubkey(certificate, key);
        if (issuer) {
                g_autofree char *names = g_strconcat("DNS:", name, NULL);

                add_extension(certificate, issuer, NID_subject_alt_name, names);
        } else {
                add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
        }
        g_assert_cmpint(X509_sign(certificate, signer, EVP_sha256()), >, 0);
        return certificate;
}

static void
make_tls(HttpsServer *self)
{
        EVP_PKEY *ca_key = EVP_EC_gen("P-256");
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *ca = make_certificate("Test authority", ca_key, NULL, ca_key, -86000);
        X509 *leaf = make_certificate(self->kind == HTTPS_SERVER_WRONG_NAME ? "elsewhere.example"
                                                                            : "localhost",
                                      key,
                                      ca,
                                      ca_key,
                                      self->kind == HTTPS_SERVER_EXPIRED ? -2 * 86400 : -3600);
        BIO *file = BIO_new_file(self->ca_file, "w");

        PEM_write_bio_X509(file, ca);
        BIO_free(file);
        self->tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(self->tls, leaf);
        SSL_CTX_use_PrivateKey(self->tls, key);
        X509_free(leaf);
        X509_free(ca);
        EVP_PKEY_free(key);
        EVP_PKEY_free(ca_key);
}

/* ---- a connection ---- */

static gboolean
receive(Connection *connection, char *octet)
{
        if (connection->tls)
                return SSL_read(connection->tls, octet, 1) == 1;
        return read(connection->fd, octet, 1) == 1;
}

static gboolean
say_octets(Connection *connection, const void *octets, gsize n_octets)
{
        if (connection->tls)
                return SSL_write(connection->tls, octets, (int)n_octets) > 0;
        return write(connection->fd, octets, n_octets) == (gssize)n_octets;
}

static gboolean
say(Connection *connection, const char *text)
{
        return say_octets(connection, text, strlen(text));
}

/* Head and body; NULL at the end of the connection. */
static char *
receive_request(Connection *connection)
{
        g_autoptr(GString) text = g_string_new(NULL);
        const char *length;
        gsize n_body = 0;
        char octet;

        while (!strstr(text->str, "\r\n\r\n")) {
                if (text->len > MAX_REQUEST_BYTES || !receive(connection, &octet))
                        return NULL;
                g_string_append_c(text, octet);
        }
        length = strstr(text->str, "Content-Length: ");
        if (length)
                n_body = strtoul(length + strlen("Content-Length: "), NULL, 10);
        for (; n_body > 0; n_body--) {
                if (!receive(connection, &octet))
                        return NULL;
                g_string_append_c(text, octet);
        }

        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* A thread of a test ends when the server does: the socket is shut down then. */
static void
wait_for_the_end(Connection *connection)
{
        char octet;

        while (receive(connection, &octet))
                ;
}

static gboolean
answer_ok(Connection *connection, const char *request)
{
        g_autofree char *body = g_strdup_printf("connection %u\r\n%s", connection->number, request);
        g_autofree char *head = g_strdup_printf(
                "HTTP/1.1 200 OK\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n", strlen(body));

        return say(connection, head) && say(connection, body);
}

static void
say_for_ever(Connection *connection, const char *text)
{
        while (say(connection, text))
                ;
}

/* FALSE when the connection is to be closed. */
static gboolean
answer(Connection *connection, const char *path, const char *request)
{
        if (g_str_equal(path, "/ok"))
                return answer_ok(connection, request);
        if (g_str_equal(path, "/answer"))
                return say(connection,
                           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\neTaG:  \"7\" \r\n"
                           "Content-Type: Application/JSON; charset=utf-8\r\nRetry-After: 17\r\n"
                           "Date: Thu, 01 Jan 1970 00:16:40 GMT\r\nSet-Cookie: a=b\r\n\r\n{}");
        if (g_str_equal(path, "/early"))
                return say(connection,
                           "HTTP/1.1 103 Early Hints\r\nETag: \"1\"\r\nRetry-After: 5\r\n\r\n"
                           "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        if (g_str_equal(path, "/trailer"))
                return say(connection,
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n"
                           "2\r\n{}\r\n0\r\nETag: \"9\"\r\n\r\n");
        if (g_str_equal(path, "/later-date"))
                return say(connection,
                           "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n"
                           "Retry-After: Thu, 01 Jan 1970 00:17:40 GMT\r\n"
                           "Date: Thu, 01 Jan 1970 00:16:40 GMT\r\n\r\n");
        if (g_str_equal(path, "/redirect"))
                return say(connection,
                           "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
        if (g_str_equal(path, "/huge") && say(connection, "HTTP/1.1 200 OK\r\n\r\n"))
                say_for_ever(connection, "0123456789abcdef");
        else if (g_str_equal(path, "/headers") && say(connection, "HTTP/1.1 200 OK\r\n"))
                say_for_ever(connection, "X-More: 0123456789abcdef\r\n");
        else if (g_str_equal(path, "/hints"))
                say_for_ever(connection, "HTTP/1.1 103 Early Hints\r\n\r\n");
        else if (g_str_equal(path, "/slow"))
                wait_for_the_end(connection);
        else if (g_str_equal(path, "/garbage"))
                say(connection, "\001\002 this is no HTTP\r\n\r\n");
        else if (g_str_equal(path, "/cut"))
                say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        else if (g_str_equal(path, "/leave"))
                answer_ok(connection, request);

        return FALSE;
}

static void
note_request(HttpsServer *self, const char *path)
{
        g_mutex_lock(&self->mutex);
        g_ptr_array_add(self->paths, g_strdup(path));
        g_mutex_unlock(&self->mutex);
}

static gboolean
greet(Connection *connection)
{
        HttpsServer *self = connection->server;

        if (self->kind == HTTPS_SERVER_NO_TLS)
                return say(connection, "220 mail.example ESMTP\r\n") && FALSE;
        if (!self->tls)
                return TRUE;

        connection->tls = SSL_new(self->tls);
        SSL_set_fd(connection->tls, connection->fd);
        if (SSL_accept(connection->tls) != 1)
                return FALSE;
        if (SSL_session_reused(connection->tls)) {
                g_mutex_lock(&self->mutex);
                self->n_resumed++;
                g_mutex_unlock(&self->mutex);
        }
        return TRUE;
}

static void
forget_socket(HttpsServer *self, int fd)
{
        g_mutex_lock(&self->mutex);
        for (guint i = 0; i < self->open->len; i++) {
                if (g_array_index(self->open, int, i) == fd) {
                        g_array_remove_index_fast(self->open, i);
                        break;
                }
        }
        close(fd);
        g_cond_broadcast(&self->cond);
        g_mutex_unlock(&self->mutex);
}

static gpointer
serve(gpointer data)
{
        g_autofree Connection *connection = data;
        gboolean is_going = greet(connection);

        while (is_going) {
                g_autofree char *request = receive_request(connection);
                g_auto(GStrv) words = request ? g_strsplit(request, " ", 3) : NULL;

                if (!words || g_strv_length(words) < 3)
                        break;
                note_request(connection->server, words[1]);
                is_going = answer(connection, words[1], request);
        }

        SSL_free(connection->tls);
        forget_socket(connection->server, connection->fd);
        return NULL;
}

/* ---- the server ---- */

static gpointer
listen_for_connections(gpointer data)
{
        HttpsServer *self = data;

        for (;;) {
                Connection *connection;
                int fd = accept(self->listener, NULL, NULL);

                g_mutex_lock(&self->mutex);
                if (fd < 0 || self->is_ending) {
                        g_mutex_unlock(&self->mutex);
                        if (fd >= 0)
                                close(fd);
                        return NULL;
                }
                connection = g_new0(Connection, 1);
                connection->server = self;
                connection->fd = fd;
                connection->number = ++self->n_opened;
                g_array_append_val(self->open, fd);
                g_mutex_unlock(&self->mutex);
                g_thread_unref(g_thread_new("connection", serve, connection));
        }
}

HttpsServer *
https_server_new(HttpsServerKind kind, const char *folder)
{
        HttpsServer *self = g_new0(HttpsServer, 1);
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        socklen_t n_address = sizeof address;

        signal(SIGPIPE, SIG_IGN);
        self->kind = kind;
        self->ca_file = g_build_filename(folder, "ca.pem", NULL);
        self->open = g_array_new(FALSE, FALSE, sizeof(int));
        self->paths = g_ptr_array_new_with_free_func(g_free);
        if (kind != HTTPS_SERVER_PLAIN && kind != HTTPS_SERVER_NO_TLS)
                make_tls(self);

        self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(self->listener, (struct sockaddr *)&address, n_address), ==, 0);
        g_assert_cmpint(listen(self->listener, 64), ==, 0);
        getsockname(self->listener, (struct sockaddr *)&address, &n_address);
        self->port = ntohs(address.sin_port);
        self->thread = g_thread_new("listener", listen_for_connections, self);
        return self;
}

void
https_server_free(HttpsServer *self)
{
        g_mutex_lock(&self->mutex);
        self->is_ending = TRUE;
        shutdown(self->listener, SHUT_RDWR);
        for (guint i = 0; i < self->open->len; i++)
                shutdown(g_array_index(self->open, int, i), SHUT_RDWR);
        while (self->open->len > 0)
                g_cond_wait(&self->cond, &self->mutex);
        g_mutex_unlock(&self->mutex);

        g_thread_join(self->thread);
        close(self->listener);
        SSL_CTX_free(self->tls);
        g_array_unref(self->open);
        g_ptr_array_unref(self->paths);
        g_free(self->ca_file);
        g_free(self);
}

const char *
https_server_ca_file(const HttpsServer *self)
{
        return self->ca_file;
}

char *
https_server_url(const HttpsServer *self, const char *path)
{
        return g_strdup_printf("%s://localhost:%u%s",
                               self->kind == HTTPS_SERVER_PLAIN ? "http" : "https",
                               self->port,
                               path);
}

static guint
read_count(HttpsServer *self, const guint *count)
{
        guint n;

        g_mutex_lock(&self->mutex);
        n = *count;
        g_mutex_unlock(&self->mutex);
        return n;
}

guint
https_server_opened(HttpsServer *self)
{
        return read_count(self, &self->n_opened);
}

guint
https_server_open(HttpsServer *self)
{
        return read_count(self, &self->open->len);
}

guint
https_server_resumed(HttpsServer *self)
{
        return read_count(self, &self->n_resumed);
}

guint
https_server_requests(HttpsServer *self, const char *path)
{
        guint n = 0;

        g_mutex_lock(&self->mutex);
        for (guint i = 0; i < self->paths->len; i++)
                n += !path || g_str_equal(g_ptr_array_index(self->paths, i), path);
        g_mutex_unlock(&self->mutex);
        return n;
}
