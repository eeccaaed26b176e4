/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-open.h"

#include "config.h"

#include <string.h>
#include <sys/stat.h>

#include "protocol/error.h"
#include "relay/redis-writer.h"
#include "relay/settings-file.h"

#define CREDENTIAL "store-password"
#define MAX_PASSWORD_BYTES 4096

#if HAVE_REDIS

/* One line, whose end does not belong to it. */
static gboolean
read_password(const char *path, TgRedisAddress *address, GError **error)
{
        g_autoptr(GError) problem = NULL;
        g_autofree char *text = NULL;
        gsize n_bytes, n_chars;
        struct stat info;
        gboolean is_one;

        if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IROTH))
                g_warning("%s can be read by everybody on this machine", path);
        if (!g_file_get_contents(path, &text, &n_bytes, &problem)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "cannot read the store's password: %s; check StorePasswordFile=",
                             problem->message);
                return FALSE;
        }
        n_chars = strcspn(text, "\r\n");
        is_one = n_chars > 0 && n_chars <= MAX_PASSWORD_BYTES &&
                 n_chars + strspn(text + n_chars, "\r\n") == n_bytes;
        if (is_one)
                address->password = g_strndup(text, n_chars);
        explicit_bzero(text, n_bytes);
        if (!is_one)
                tg_set_error(error, TG_ERROR_INVALID, "%s must be one line, the password", path);

        return is_one;
}

TgWriter *
tg_redis_open(const TgSettings *settings, const TgApi *api, GError **error)
{
        g_autoptr(TgRedisAddress) address = tg_redis_address_parse(settings->store, error);
        g_autofree char *path = tg_settings_find_file(settings->store_password_file, CREDENTIAL);
        TgRedisTls tls;

        if (!address)
                return NULL;
        if (path && !address->password && !read_password(path, address, error))
                return NULL;
        tls = (TgRedisTls){
                .ca_file = g_strdup(settings->store_ca_file),
                .certificate = g_strdup(settings->store_certificate),
                .key = g_strdup(settings->store_key),
        };

        return tg_redis_writer_new(api, g_steal_pointer(&address), &tls, NULL, error);
}

#else

TgWriter *
tg_redis_open(const TgSettings *settings, const TgApi *api, GError **error)
{
        tg_set_error(error, TG_ERROR_INVALID, "this tigress-relay is built without Redis");
        return NULL;
}

#endif
