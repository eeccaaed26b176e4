/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verticals/wireguard-pool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/secret.h"

#define MAX_FILE_BYTES (1024 * 1024)
#define LIST_HEADING                                                                               \
        "# Addresses that Tigress has given to WireGuard peers, and to which share. None is "      \
        "given\n"                                                                                  \
        "# again while it stands here.\n"

/* ---- files, which may have keys in them ---- */

typedef char *WipedText;
typedef GStrv WipedLines;

static void
free_wiped(char *text)
{
        if (text != NULL)
                tg_wipe(text, strlen(text));
        g_free(text);
}

static void
free_wiped_lines(GStrv lines)
{
        for (guint i = 0; lines != NULL && lines[i] != NULL; i++)
                tg_wipe(lines[i], strlen(lines[i]));
        g_strfreev(lines);
}

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(WipedText, free_wiped, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(WipedLines, free_wiped_lines, NULL)

static gboolean
fail(GError **error, const char *path, const char *why)
{
        g_autofree char *name = g_path_get_basename(path);

        tg_set_error(error, TG_ERROR_FAILED, "the file %s %s", name, why);
        return FALSE;
}

/* "" where there is none. A link is not followed: what replaces it would be somewhere else. */
static char *
read_file(const char *path, mode_t *ret_mode, GError **error)
{
        g_auto(WipedText) text = g_malloc0(MAX_FILE_BYTES + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        struct stat status;
        gssize n = -1;

        *ret_mode = 0600;
        if (fd < 0 && errno == ENOENT)
                return g_strdup("");
        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
            status.st_uid == geteuid() && status.st_size <= MAX_FILE_BYTES) {
                n = read(fd, text, MAX_FILE_BYTES);
                *ret_mode = status.st_mode & 0777;
        }
        if (fd >= 0)
                close(fd);
        if (n >= 0 && n == status.st_size && memchr(text, '\0', (gsize)n) == NULL)
                return g_strdup(text);
        fail(error, path, "cannot be read, or is not a plain file of this user's");
        return NULL;
}

static gboolean
replace_file(const char *path, const char *text, mode_t mode, GError **error)
{
        g_autoptr(GError) broken = NULL;

        if (g_file_set_contents_full(path,
                                     text,
                                     -1,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                     (int)mode,
                                     &broken))
                return TRUE;
        return fail(error, path, "cannot be written");
}

static char *
list_path(void)
{
        return g_build_filename(g_get_user_data_dir(), "tigress", "wireguard-addresses", NULL);
}

/* ---- what is taken ---- */

/* "NAME = VALUE" of WireGuard's own form; NULL: another line. */
static const char *
value_of(const char *line, const char *name)
{
        gsize n = strlen(name);

        while (g_ascii_isspace(*line))
                line++;
        if (g_ascii_strncasecmp(line, name, n) != 0)
                return NULL;
        line += n;
        while (g_ascii_isspace(*line))
                line++;
        return *line == '=' ? line + 1 : NULL;
}

/* Of a server's own address the address alone: the network is the pool. */
static gboolean
add_taken(GArray *taken, const char *list, gboolean is_own)
{
        g_auto(GStrv) words = g_strsplit(list, ",", -1);

        for (guint i = 0; words[i] != NULL; i++) {
                char *slash = is_own ? strchr(words[i], '/') : NULL;
                TgSubnet subnet;

                if (slash != NULL)
                        *slash = '\0';
                if (!tg_subnet_parse(g_strstrip(words[i]), &subnet))
                        return FALSE;
                g_array_append_val(taken, subnet);
        }
        return TRUE;
}

/* What stands there by hand counts as well, as far as it can be read. */
static gboolean
take_peers(const char *path, GArray *taken, GError **error)
{
        mode_t mode;
        g_auto(WipedText) text = read_file(path, &mode, error);
        g_auto(WipedLines) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;

        for (guint i = 0; lines != NULL && lines[i] != NULL; i++) {
                const char *peers = value_of(lines[i], "AllowedIPs");
                const char *own = value_of(lines[i], "Address");

                if (peers != NULL)
                        add_taken(taken, peers, FALSE);
                else if (own != NULL)
                        add_taken(taken, own, TRUE);
        }
        return lines != NULL;
}

/* A list that cannot be read wholly might have what would be given twice. @ret_given: what the
 * share has got before, n of it. */
static gboolean
take_list(const char *text,
          const char *share_id,
          GArray *taken,
          TgSubnet *ret_given,
          guint *ret_n_given)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (guint i = 0; lines[i] != NULL; i++) {
                char *space = strchr(lines[i], ' ');
                guint n_before = taken->len;

                if (lines[i][0] == '#' || lines[i][0] == '\0')
                        continue;
                if (space == NULL || !add_taken(taken, space + 1, FALSE))
                        return FALSE;
                *space = '\0';
                if (g_strcmp0(lines[i], share_id) != 0)
                        continue;
                for (guint k = n_before; k < taken->len && *ret_n_given < TG_WIREGUARD_MAX_POOLS;
                     k++)
                        ret_given[(*ret_n_given)++] = g_array_index(taken, TgSubnet, k);
        }
        return TRUE;
}

/* ---- what is free ---- */

gboolean
tg_wireguard_pool_check(const TgWireguardPool *self, GError **error)
{
        for (guint i = 0; i < self->n_pools; i++) {
                const TgSubnet *pool = &self->pools[i];
                gboolean is_old = pool->n_octets == 4;

                if (pool->n_bits >= (is_old ? 8 : 32) && pool->n_bits <= (is_old ? 30 : 126))
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a pool of addresses is a network of /8 to /30 (IPv4) or /32 to /126 "
                             "(IPv6)");
                return FALSE;
        }
        if (self->n_pools == 1 ||
            (self->n_pools == 2 && self->pools[0].n_octets != self->pools[1].n_octets))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "\"pool\" is one network of IPv4, one of IPv6, or one of each");
        return FALSE;
}

/* @taken is sorted: networks contain each other or have nothing in common, so one way through is
 * enough. */
static gboolean
find_free(const TgSubnet *pool, const GArray *taken, TgSubnet *ret_address)
{
        TgSubnet last = tg_subnet_last(pool);
        TgSubnet at = tg_subnet_first(pool);

        tg_subnet_next(&at);
        if (!tg_subnet_next(&at))
                return FALSE;
        for (guint i = 0; i < taken->len; i++) {
                const TgSubnet *one = &g_array_index(taken, TgSubnet, i);

                if (!tg_subnet_contains(one, &at))
                        continue;
                at = tg_subnet_last(one);
                if (!tg_subnet_next(&at))
                        return FALSE;
        }
        *ret_address = at;
        return tg_subnet_contains(pool, &at) &&
               (pool->n_octets != 4 || tg_subnet_compare(&at, &last) != 0);
}

static gboolean
write_list(const char *path,
           const char *text,
           const char *share_id,
           const TgSubnet *addresses,
           guint n,
           GError **error)
{
        g_autoptr(GString) list = g_string_new(*text != '\0' ? text : LIST_HEADING);
        g_autofree char *folder = g_path_get_dirname(path);

        if (list->str[list->len - 1] != '\n')
                g_string_append_c(list, '\n');
        g_string_append_printf(list, "%s ", share_id);
        for (guint i = 0; i < n; i++) {
                char one[TG_MAX_SUBNET_CHARS];

                tg_subnet_format(&addresses[i], one);
                g_string_append_printf(list, "%s%s", i > 0 ? "," : "", one);
        }
        g_string_append_c(list, '\n');
        g_mkdir_with_parents(folder, 0700);
        return replace_file(path, list->str, 0600, error);
}

gboolean
tg_wireguard_pool_allocate(const TgWireguardPool *self,
                           const char *share_id,
                           TgSubnet ret_addresses[TG_WIREGUARD_MAX_POOLS],
                           GError **error)
{
        g_autofree char *path = list_path();
        g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(TgSubnet));
        mode_t mode;
        g_autofree char *text = read_file(path, &mode, error);
        guint n_given = 0;

        if (text == NULL || !take_peers(self->peers_path, taken, error))
                return FALSE;
        if (!take_list(text, share_id, taken, ret_addresses, &n_given))
                return fail(error, path, "cannot be understood: repair it, or nothing is given");
        if (n_given == self->n_pools)
                return TRUE;
        g_array_sort(taken, tg_subnet_compare);
        for (guint i = 0; i < self->n_pools; i++) {
                if (find_free(&self->pools[i], taken, &ret_addresses[i]))
                        continue;
                tg_set_error(error, TG_ERROR_INVALID, "the pool has no address left");
                return FALSE;
        }
        return share_id == NULL ||
               write_list(path, text, share_id, ret_addresses, self->n_pools, error);
}

/* ---- the peers ---- */

static gboolean
begins_section(const char *line)
{
        while (g_ascii_isspace(*line))
                line++;
        return *line == '[' || g_str_has_prefix(line, "# tigress ");
}

static gboolean
has_key(char **lines, guint from, guint to, const char *public_key)
{
        for (guint i = from; i < to; i++) {
                const char *value = value_of(lines[i], "PublicKey");
                g_autofree char *bare = value != NULL ? g_strstrip(g_strdup(value)) : NULL;

                if (g_strcmp0(bare, public_key) == 0)
                        return TRUE;
        }
        return FALSE;
}

/* A peer is [Peer] and what follows, with our line before it; ret_from == ret_to: there is none. */
static void
find_peer(char **lines, const char *public_key, guint *ret_from, guint *ret_to)
{
        guint n = g_strv_length(lines);
        guint from = 0;

        while (from < n) {
                guint to = from + 1;

                if (g_str_has_prefix(lines[from], "# tigress ") && to < n)
                        to++; /* and the [Peer] that it is about */
                while (to < n && !begins_section(lines[to]))
                        to++;
                if (has_key(lines, from, to, public_key)) {
                        *ret_from = from;
                        *ret_to = to;
                        return;
                }
                from = to;
        }
        *ret_from = *ret_to = n;
}

gboolean
tg_wireguard_peers_add(const char *path, const char *public_key, const char *stanza, GError **error)
{
        mode_t mode;
        g_auto(WipedText) text = read_file(path, &mode, error);
        g_auto(WipedLines) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;
        g_auto(WipedText) more = NULL;
        guint from;
        guint to;

        if (lines == NULL)
                return FALSE;
        find_peer(lines, public_key, &from, &to);
        if (from < to)
                return TRUE;
        more = g_strconcat(
                text, *text == '\0' || g_str_has_suffix(text, "\n") ? "" : "\n", stanza, NULL);
        return replace_file(path, more, mode, error);
}

gboolean
tg_wireguard_peers_remove(const char *path, const char *public_key, GError **error)
{
        mode_t mode;
        g_auto(WipedText) text = read_file(path, &mode, error);
        g_auto(WipedLines) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;
        g_auto(WipedText) rest = NULL;
        char *at;
        guint from;
        guint to;

        if (lines == NULL)
                return FALSE;
        find_peer(lines, public_key, &from, &to);
        if (from == to)
                return TRUE;
        rest = g_malloc0(strlen(text) + 1);
        at = rest;
        for (guint i = 0; lines[i] != NULL; i++) {
                if (i >= from && i < to)
                        continue;
                at = g_stpcpy(at, lines[i]);
                if (lines[i + 1] != NULL)
                        at = g_stpcpy(at, "\n");
        }
        return replace_file(path, rest, mode, error);
}
