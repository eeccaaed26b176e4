/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/push-rules.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"
#include "relay/settings-file.h"

#define CREDENTIAL "push-key"
#define MAX_PEM_BYTES 8192

/* ---- the key ---- */

/* A group may read it: systemd gives a credential to a user by an access list, which shows as
 * that. What is looked at is what is read. */
static gboolean
is_private(int fd, const char **ret_why)
{
        struct stat info;

        *ret_why = "is no regular file";
        if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
                return FALSE;
        *ret_why = "belongs to somebody else than root and this user";
        if (info.st_uid != 0 && info.st_uid != geteuid())
                return FALSE;
        *ret_why = "can be read or changed by others: chmod 600";

        return (info.st_mode & (S_IWGRP | S_IRWXO)) == 0;
}

static TgVapid *
read_key(const char *path, GError **error)
{
        char pem[MAX_PEM_BYTES + 1];
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        const char *why = "cannot be opened";
        g_autoptr(GError) problem = NULL;
        TgVapid *vapid = NULL;
        gssize n_bytes;

        if (fd >= 0 && is_private(fd, &why)) {
                n_bytes = read(fd, pem, MAX_PEM_BYTES);
                pem[MAX(n_bytes, 0)] = '\0';
                vapid = tg_vapid_new(pem, &problem);
                explicit_bzero(pem, sizeof pem);
                why = "holds no private key of P-256 in PEM: openssl genpkey -algorithm EC "
                      "-pkeyopt ec_paramgen_curve:P-256 makes one";
        }
        if (fd >= 0)
                close(fd);
        if (!vapid)
                tg_set_error(error, TG_ERROR_INVALID, "PushKey=: %s %s", path, why);

        return vapid;
}

/* ---- the rest ---- */

static gboolean
refuse(GError **error, const char *key, const char *value, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s=: \"%s\" %s", key, value, what);
        return FALSE;
}

static gboolean
check_contact(const char *contact, GError **error)
{
        if (!contact || ((g_str_has_prefix(contact, "mailto:") && strchr(contact, '@')) ||
                         (g_str_has_prefix(contact, "https://") && strlen(contact) > 8)))
                return TRUE;

        return refuse(error, "PushContact", contact, "is neither mailto:SOMEBODY nor https://…");
}

/* A name, or all that end in it: *.push.example */
static gboolean
check_hosts(char **hosts, GError **error)
{
        for (char **host = hosts; *host; host++) {
                const char *name = g_str_has_prefix(*host, "*.") ? *host + 2 : *host;
                gsize n_good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.:");

                if (*name == '\0' || *name == '.' || name[n_good] != '\0' ||
                    (name != *host && !strchr(name, '.')))
                        return refuse(error,
                                      "PushHosts",
                                      *host,
                                      "is no host in lower case, nor *.DOMAIN.TLD");
        }

        return TRUE;
}

static gboolean
parse_permitted(TgPushRules *self, char **networks, GError **error)
{
        for (char **text = networks; *text; text++) {
                TgPrefix prefix;

                if (!tg_prefix_parse(*text, &prefix) || prefix.is_local)
                        return refuse(error,
                                      "PushPrivate",
                                      *text,
                                      "is no network: give ADDRESS or ADDRESS/BITS");
                g_array_append_val(self->permitted, prefix);
        }

        return TRUE;
}

TgPushRules *
tg_push_rules_new(const TgSettings *settings, GError **error)
{
        g_autofree char *path = tg_settings_find_file(settings->push_key, CREDENTIAL);
        g_autoptr(TgPushRules) self = g_new0(TgPushRules, 1);

        g_atomic_ref_count_init(&self->references);
        self->contact = g_strdup(settings->push_contact);
        self->ca_file = g_strdup(settings->push_ca_file);
        self->hosts = g_strdupv(settings->push_hosts);
        self->permitted = g_array_new(FALSE, FALSE, sizeof(TgPrefix));
        self->max_active = (guint)settings->push_connections;
        self->max_waiting = (guint)settings->push_queue;
        self->timeout_us = (gint64)settings->push_timeout_s * G_USEC_PER_SEC;
        self->pause_us = (gint64)settings->push_interval_s * G_USEC_PER_SEC;
        self->retry_us = (gint64)settings->push_retry_s * G_USEC_PER_SEC;
        if (!check_contact(self->contact, error) || !check_hosts(self->hosts, error) ||
            !parse_permitted(self, settings->push_private, error))
                return NULL;
        if (self->ca_file && access(self->ca_file, R_OK) < 0) {
                refuse(error, "PushCaFile", self->ca_file, "cannot be read");
                return NULL;
        }
        if (!path)
                return NULL;
        self->vapid = read_key(path, error);

        return self->vapid ? g_steal_pointer(&self) : NULL;
}

TgPushRules *
tg_push_rules_ref(TgPushRules *self)
{
        g_atomic_ref_count_inc(&self->references);
        return self;
}

void
tg_push_rules_unref(TgPushRules *self)
{
        if (!self || !g_atomic_ref_count_dec(&self->references))
                return;
        tg_vapid_free(self->vapid);
        g_free(self->contact);
        g_free(self->ca_file);
        g_strfreev(self->hosts);
        g_array_unref(self->permitted);
        g_free(self);
}

/* ---- who is gone to ---- */

static gboolean
is_named(const char *pattern, const char *host)
{
        if (g_str_has_prefix(pattern, "*."))
                return g_str_has_suffix(host, pattern + 1) && strlen(host) > strlen(pattern + 1);

        return strcmp(pattern, host) == 0;
}

gboolean
tg_push_rules_allow_host(const TgPushRules *self, const char *host)
{
        if (!*self->hosts)
                return TRUE;
        for (char **pattern = self->hosts; *pattern; pattern++)
                if (is_named(*pattern, host))
                        return TRUE;

        return FALSE;
}

gboolean
tg_push_rules_accept(const TgPushRules *self, const TgToken *token)
{
        g_auto(TgPushEndpoint) endpoint = {0};

        return self && tg_push_endpoint_parse(token, &endpoint) &&
               tg_push_rules_allow_host(self, endpoint.host);
}
