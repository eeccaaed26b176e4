/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one error domain of the system. A code says what a caller can do about
 * it, not where it happened; code, bus name and exit status meet in one table.
 */

#include <glib.h>

typedef enum {
        TG_ERROR_FAILED,              /* a bug or a broken machine; nothing the user can do */
        TG_ERROR_INVALID,             /* the arguments are malformed */
        TG_ERROR_NOT_FOUND,           /* no such share, credential or item */
        TG_ERROR_BAD_STATE,           /* the share cannot do that now */
        TG_ERROR_DENIED,              /* polkit, or the person, said no */
        TG_ERROR_EXPIRED,             /* the mailbox is gone or time is up */
        TG_ERROR_UNREACHABLE,         /* the relay cannot be reached; retrying may help */
        TG_ERROR_TAMPERED,            /* authentication of received data failed */
        TG_ERROR_LIMIT_REACHED,       /* a quota; fewer, smaller or later may help */
        TG_ERROR_UNTRUSTED_RELAY,     /* the relay is not on the list of trusted relays */
        TG_ERROR_KEYRING_UNAVAILABLE, /* the keyring is locked, absent or silent */
        TG_ERROR_ALREADY_USED,        /* the invitation was claimed by another device */
        TG_ERROR_WRONG_PIN,           /* the PIN was wrong */
        TG_ERROR_DECLINED,            /* the peer declined */
        TG_ERROR_CANCELLED,           /* it was cancelled */
} TgError;

#define TG_N_ERRORS (TG_ERROR_CANCELLED + 1)
#define TG_ERROR (tg_error_quark())

GQuark tg_error_quark(void);

/* Sets @error (which may be NULL) in the domain TG_ERROR. Messages are lower
 * case without a full stop and never hold a secret. */
void tg_set_error(GError **error, TgError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
GError *tg_error_new(TgError code, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The code of @error; an error of another domain is TG_ERROR_FAILED. */
TgError tg_error_code(const GError *error);

const char *tg_error_name(TgError code);     /* "NotFound" */
const char *tg_error_bus_name(TgError code); /* "org.tigress.Wallet1.Error.NotFound" */
int tg_error_exit_status(TgError code);      /* 3 */

/* FALSE, and @ret_code untouched, when @name is not one of ours. */
gboolean tg_error_from_name(const char *name, TgError *ret_code);
gboolean tg_error_from_bus_name(const char *bus_name, TgError *ret_code);
