/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/attestation-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/error.h"

#define MAX_KEY_FILE_BYTES 16384
#define MAX_NAME_CHARS 255
#define NAME_CHARS G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-:[]"
/* A trial's, before it listens. */
#define UNKNOWN_ORIGIN "localhost"

static const char *const kinds[] = {
        [TG_ATTESTATION_NONE] = "none",
        [TG_ATTESTATION_SHARED_KEY] = "shared-key",
        [TG_ATTESTATION_TOKEN] = "token",
};

static gboolean
find_kind(const char *text, TgAttestationKind *ret_kind)
{
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (strcmp(text ? text : kinds[TG_ATTESTATION_NONE], kinds[i]) == 0) {
                        *ret_kind = (TgAttestationKind)i;
                        return TRUE;
                }

        return FALSE;
}

static gboolean
is_name(const char *text)
{
        gsize n_chars = strlen(text);

        return n_chars > 0 && n_chars <= MAX_NAME_CHARS && strspn(text, NAME_CHARS) == n_chars;
}

gboolean
tg_attestation_check(const TgSettings *settings, const char **ret_key, const char **ret_what)
{
        TgAttestationKind kind = TG_ATTESTATION_NONE;
        const char *issuer = settings->token_issuer;

        *ret_key = *ret_what = NULL;
        if (!find_kind(settings->attestation, &kind)) {
                *ret_key = "Attestation";
                *ret_what = "Attestation= must be none, shared-key or token";
        } else if (kind == TG_ATTESTATION_NONE && *settings->attestation_keys) {
                *ret_key = "AttestationKeys";
                *ret_what = "keys without an attestation protect nothing: set Attestation= to "
                            "shared-key or token, or leave out AttestationKeys=";
        } else if (kind != TG_ATTESTATION_NONE && !*settings->attestation_keys) {
                *ret_key = "Attestation";
                *ret_what = "an attestation is judged by keys: name their files in "
                            "AttestationKeys=";
        } else if ((kind == TG_ATTESTATION_TOKEN) != (issuer != NULL)) {
                *ret_key = issuer ? "TokenIssuer" : "Attestation";
                *ret_what = "tokens have an issuer, and nothing else has: set both "
                            "Attestation=token and TokenIssuer=, or neither";
        } else if (issuer && !is_name(issuer)) {
                *ret_key = "TokenIssuer";
                *ret_what = "TokenIssuer= must be the issuer's name, HOST or HOST:PORT";
        }

        return *ret_key == NULL;
}

/* ---- key files ---- */

/* A secret may have a group, whose members read it; a public key is everybody's to read. */
static gboolean
check_mode(int fd, const char *path, gboolean is_secret, GError **error)
{
        struct stat info;

        if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
                tg_set_error(
                        error, TG_ERROR_INVALID, "%s is no file: check AttestationKeys=", path);
        else if (is_secret && (info.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)))
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s holds a secret that others on this machine can reach: make "
                             "another one, and `chmod 0600` its file",
                             path);
        else if (info.st_mode & S_IWOTH)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "%s can be written by everybody on this machine: `chmod 0644` it",
                             path);
        else
                return TRUE;

        return FALSE;
}

/* The whole of it with a zero after it, in memory that the caller wipes. */
static gboolean
read_whole(int fd, char text[MAX_KEY_FILE_BYTES + 1])
{
        gsize n_bytes = 0;
        ssize_t n;

        while ((n = read(fd, text + n_bytes, MAX_KEY_FILE_BYTES - n_bytes)) != 0) {
                if (n < 0 && errno != EINTR)
                        return FALSE;
                n_bytes += n > 0 ? (gsize)n : 0;
        }
        text[n_bytes] = '\0';

        return n_bytes < MAX_KEY_FILE_BYTES && strlen(text) == n_bytes;
}

static gboolean
add_file(TgAttestation *attestation, const char *path, gboolean is_secret, GError **error)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char text[MAX_KEY_FILE_BYTES + 1];
        g_autoptr(GError) problem = NULL;
        gboolean is_added = FALSE;

        if (fd < 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "cannot read %s: %s; check AttestationKeys=",
                             path,
                             g_strerror(errno));
                return FALSE;
        }
        if (!check_mode(fd, path, is_secret, error))
                ; /* said */
        else if (!read_whole(fd, text))
                tg_set_error(error, TG_ERROR_INVALID, "%s is no key: check AttestationKeys=", path);
        else if (!tg_attestation_add_key(attestation, text, &problem))
                tg_set_error(error, TG_ERROR_INVALID, "%s: %s", path, problem->message);
        else
                is_added = TRUE;
        explicit_bzero(text, sizeof text);
        close(fd);

        return is_added;
}

gboolean
tg_attestation_load(const TgSettings *settings,
                    const char *public_url,
                    TgAttestation **ret,
                    GError **error)
{
        const char *origin = public_url ? strstr(public_url, "://") : NULL;
        TgAttestationRules rules = {
                .skew_s = (gint64)settings->attestation_skew_s,
                .issuer = settings->token_issuer,
                .origin = (char *)(origin ? origin + strlen("://") : UNKNOWN_ORIGIN),
                .window_s = (gint64)settings->token_window_s,
        };
        g_autoptr(TgAttestation) attestation = NULL;

        *ret = NULL;
        g_return_val_if_fail(find_kind(settings->attestation, &rules.kind), FALSE);
        if (rules.kind == TG_ATTESTATION_NONE)
                return TRUE;
        attestation = tg_attestation_new(&rules);
        for (char **path = settings->attestation_keys; *path; path++)
                if (!add_file(attestation, *path, rules.kind == TG_ATTESTATION_SHARED_KEY, error))
                        return FALSE;
        *ret = g_steal_pointer(&attestation);

        return TRUE;
}
