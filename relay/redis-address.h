/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a Redis is, as the setting Store= says it:
 *
 *   redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]     rediss://… with TLS
 *   redis+unix://[USER:PASSWORD@]/PATH[?db=DATABASE]
 *   redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DATABASE]     rediss+sentinel://…
 *
 * USER may be left out (":PASSWORD@"), and the password, if it comes from elsewhere ("USER@");
 * both are percent-encoded. Sentinels are asked without either.
 */

#include <glib.h>

typedef struct {
        char *name; /* host name or numeric address */
        char *port;
} TgRedisHost;

typedef struct {
        gboolean is_tls;
        char *path;    /* of a local socket, or NULL */
        GArray *hosts; /* TgRedisHost */
        char *service; /* the hosts are Sentinels, which know where this one is; or NULL */
        guint database;
        char *user;     /* NULL: the default user */
        char *password; /* NULL: none */
} TgRedisAddress;

/* It is meant for Redis, right or wrong. */
gboolean tg_redis_address_is_one(const char *store);
/* … and says a password, which is not for a command line. */
gboolean tg_redis_address_has_password(const char *store);

/* The error does not repeat @store. */
TgRedisAddress *tg_redis_address_parse(const char *store, GError **error);
/* Wipes the password. */
void tg_redis_address_free(TgRedisAddress *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRedisAddress, tg_redis_address_free)
