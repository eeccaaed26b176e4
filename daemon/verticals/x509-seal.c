/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-seal.h"

#include "daemon/verticals/x509-authority.h"
#include "daemon/workplace.h"
#include "protocol/error.h"

#define MAX_SIGNATURE_BYTES 1024

void
tg_x509_place_clear(TgX509Place *self)
{
        g_clear_pointer(&self->file, g_free);
        g_clear_pointer(&self->token, g_free);
}

void
tg_x509_place_show(const TgX509Place *self, const char *crl, TgStep *step)
{
        tg_step_show(step, "Authority's key", self->token != NULL ? self->token : self->file);
        tg_step_show(step, "Revocation list", crl);
}

/* ---- by a file ---- */

static GBytes *
sign_here(X509 *ca, const char *path, GBytes *signed_part, GError **error)
{
        g_autoptr(EVP_PKEY) key = tg_x509_authority_key(ca, path, "ca-key", error);
        g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
        guint8 signature[MAX_SIGNATURE_BYTES];
        gsize n_signature = sizeof signature;
        const EVP_MD *digest;
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(signed_part, &n_bytes);

        if (key == NULL)
                return NULL;
        if (tg_x509_digest_of(key, &digest) &&
            EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
            EVP_DigestSign(context, signature, &n_signature, octets, n_bytes) == 1)
                return g_bytes_new(signature, n_signature);
        tg_x509_invalid(error, "the authority's key does not sign");
        return NULL;
}

static gboolean
is_by(X509 *ca, GBytes *signature, GBytes *signed_part, GError **error)
{
        g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
        const EVP_MD *digest;
        gsize n_signature;
        const guint8 *octets = g_bytes_get_data(signature, &n_signature);
        gsize n_bytes;
        const guint8 *text = g_bytes_get_data(signed_part, &n_bytes);

        if (tg_x509_digest_of(X509_get0_pubkey(ca), &digest) &&
            EVP_DigestVerifyInit(context, NULL, digest, NULL, X509_get0_pubkey(ca)) == 1 &&
            EVP_DigestVerify(context, octets, n_signature, text, n_bytes) == 1)
                return TRUE;
        return tg_x509_invalid(error, "the authority's key does not belong to its certificate");
}

/* ---- by a token ---- */

typedef struct {
        TgStep *step;
        TgWorkplace *place;
        X509 *ca;
        GBytes *signed_part;
        TgX509SealFunc func;
        gpointer user_data;
} Sealing;

static void
free_sealing(Sealing *self)
{
        g_clear_pointer(&self->place, tg_workplace_free);
        g_clear_pointer(&self->ca, X509_free);
        g_clear_pointer(&self->signed_part, g_bytes_unref);
        tg_step_unref(self->step);
        g_free(self);
}

static void
on_signed(const char *output, const GError *failure, gpointer user_data)
{
        Sealing *self = user_data;
        g_autoptr(TgSecret) file = NULL;
        g_autoptr(GBytes) signature = NULL;
        g_autoptr(GError) error = NULL;
        gsize n_bytes;
        const guint8 *bytes;

        /* What openssl says last is not what is wrong. */
        if (failure != NULL)
                error = tg_error_new(
                        TG_ERROR_FAILED,
                        "the token has not signed: is it there, with this key, and is "
                        "the file with its PIN named in the URI (pin-source=file:PATH)?");
        else
                file = tg_workplace_read_secret(
                        self->place, "signature", MAX_SIGNATURE_BYTES, &error);
        if (file != NULL) {
                bytes = tg_secret_get(file, &n_bytes);
                signature = g_bytes_new(bytes, n_bytes);
        }
        if (signature != NULL && !is_by(self->ca, signature, self->signed_part, &error))
                g_clear_pointer(&signature, g_bytes_unref);
        self->func(signature, error, self->user_data);
        free_sealing(self);
}

static gboolean
write_part(Sealing *self, GError **error)
{
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(self->signed_part, &n_bytes);
        g_autoptr(TgSecret) part = tg_secret_new(octets, n_bytes, error);

        return part != NULL && tg_workplace_write_secret(self->place, "part", part, error);
}

static void
sign_there(Sealing *self, const char *token)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *option = NULL;
        const EVP_MD *digest = NULL;

        self->place = tg_workplace_new(&error);
        if (self->place != NULL &&
            (!tg_x509_digest_of(X509_get0_pubkey(self->ca), &digest) || digest == NULL))
                tg_x509_invalid(&error, "keys of RSA and ECDSA alone are used from tokens");
        if (error != NULL || !write_part(self, &error)) {
                self->func(NULL, error, self->user_data);
                free_sealing(self);
                return;
        }
        option = g_strdup_printf("-%s", EVP_MD_get0_name(digest));
        const char *const argv[] = {"openssl",
                                    "dgst",
                                    option,
                                    "-engine",
                                    "pkcs11",
                                    "-keyform",
                                    "engine",
                                    "-sign",
                                    token,
                                    "-out",
                                    "signature",
                                    "part",
                                    NULL};
        tg_workplace_run(
                self->place, argv, NULL, NULL, tg_step_cancellable(self->step), on_signed, self);
}

void
tg_x509_seal(TgStep *step,
             X509 *ca,
             const TgX509Place *place,
             GBytes *signed_part,
             TgX509SealFunc func,
             gpointer user_data)
{
        g_autoptr(GBytes) signature = NULL;
        g_autoptr(GError) error = NULL;
        Sealing *sealing;

        if (place->token == NULL) {
                signature = sign_here(ca, place->file, signed_part, &error);
                if (signature != NULL && !is_by(ca, signature, signed_part, &error))
                        g_clear_pointer(&signature, g_bytes_unref);
                func(signature, error, user_data);
                return;
        }
        sealing = g_new0(Sealing, 1);
        sealing->step = tg_step_ref(step);
        sealing->ca = X509_dup(ca);
        sealing->signed_part = g_bytes_ref(signed_part);
        sealing->func = func;
        sealing->user_data = user_data;
        sign_there(sealing, place->token);
}
