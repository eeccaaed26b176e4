/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shares, credentials and ended links in SQLite: ids, states and times in the
 * clear, everything else sealed under the state key with the row's identity and
 * version as associated data. Every change is one transaction that is on disk
 * when the call returns (WAL, synchronous=FULL).
 *
 * A sealed head row lists identity and version of every running share, the tries used of
 * each open PIN, and a count that only grows: a row that is older than the head says, swapped,
 * moved or missing is refused; a whole file that is older than the keyring's count is an old copy
 * (the caller compares).
 *
 * What is forgotten, removed or ended is gone from file and log two seconds later (a
 * timer on the main loop) or when the store is closed, whichever comes first.
 *
 * The clear state column can end a share without the key, and nothing else: of
 * a clear and a sealed state that differ, the end counts.
 */

#include <glib.h>

#include "daemon/store-head.h"
#include "protocol/secret.h"
#include "protocol/session.h"

typedef struct TgStore TgStore;

#define TG_ID_CHARS 32 /* 16 random octets in hex */

/* @path NULL: in memory (tests). Creates directory 0700 and file 0600. Refuses a
 * file of a newer schema, of another owner or that others may read, and one that
 * another daemon has open. TG_ERROR_FAILED with a sentence that names the remedy. */
TgStore *tg_store_open(const char *path, GError **error);
void tg_store_free(TgStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgStore, tg_store_free)

/* ---- the state key ---- */

typedef enum {
        TG_STORE_KEY_FITS,
        TG_STORE_KEY_NEW,   /* the store holds nothing sealed yet */
        TG_STORE_KEY_OTHER, /* what is sealed was sealed under another key */
} TgStoreKeyFit;

/* Gives the store its key. OTHER: what was sealed before can never be read; the
 * caller ends the running shares with tg_store_start_over(). */
TgStoreKeyFit tg_store_set_key(TgStore *self, TgSecret *key);
gboolean tg_store_has_key(const TgStore *self);
/* TRUE when there is anything sealed in the file: then a key must exist somewhere. */
gboolean tg_store_has_sealed(const TgStore *self);
/* Makes a new, empty head under the key given last, with the count 0; rows sealed
 * under another stay as history without their sealed part. Running ones get @state
 * in the clear column and lose their sealed part in any case; those that the head lists as
 * PIN shares are burned, for nobody knows how many tries they have left. */
gboolean tg_store_start_over(TgStore *self, TgState state, GError **error);

/* The count in the head row; 0 without a key. */
guint64 tg_store_count(const TgStore *self);
/* Never a smaller one. */
gboolean tg_store_set_count(TgStore *self, guint64 count, GError **error);

/* ---- transactions: calls below nest into one when begun by hand ---- */

gboolean tg_store_begin(TgStore *self, GError **error);
gboolean tg_store_commit(TgStore *self, GError **error); /* on failure rolled back */
void tg_store_rollback(TgStore *self);                   /* outside of one: nothing */

/* ---- shares ---- */

typedef struct {
        char *id;
        TgRole role;
        TgState state;
        gint64 created_s;
        gint64 expires_s;
        gint64 ended_s;   /* 0 while it runs */
        gboolean is_busy; /* ended, but something is still to be sent */
        guint64 version;  /* 0: new */
        gboolean has_pin; /* initiator: a PIN is asked for; written to the head, not read */
        guint n_tries;    /* and so many tries of it were used */
} TgShareRow;

void tg_share_row_clear(TgShareRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgShareRow, tg_share_row_clear)

/* Writes the clear part and, sealed, @detail (a record). @row->version grows. A running
 * or busy share is listed in the head. Without key @detail must be NULL, and only a share
 * that was never sealed can be saved so (see tg_store_end_share()).
 * @body: NULL leaves the stored body, an empty secret removes it, else replaces it
 * (sealed in a table of its own, so that large octets are written once). A share that is
 * neither running nor busy loses its body. */
gboolean tg_store_save_share(
        TgStore *self, TgShareRow *row, TgSecret *detail, TgSecret *body, GError **error);

/* Moves a running share whose detail has not been read to an end in the clear column,
 * which may be cancelled, declined, relinquished, expired, refused or failed: no other can
 * be come to so. @row->version stays. */
gboolean tg_store_end_share(TgStore *self, TgShareRow *row, GError **error);

/* Calls @func for each row, oldest first; it must not change the store. @detail is NULL
 * without key or when there is none; @error is TG_ERROR_TAMPERED for a row that does not
 * fit the head. A share that the head lists and that has no row comes last, as such, with
 * nothing in its row but id and version. */
typedef void (*TgShareRowFunc)(const TgShareRow *row,
                               TgSecret *detail,
                               const GError *error,
                               gpointer user_data);
gboolean
tg_store_each_share(TgStore *self, TgShareRowFunc func, gpointer user_data, GError **error);

/* One row as it is stored; *ret_detail NULL without key or when there is none.
 * TG_ERROR_NOT_FOUND, TG_ERROR_TAMPERED as above. @ret_row is for tg_share_row_clear(). */
gboolean tg_store_load_share(
        TgStore *self, const char *id, TgShareRow *ret_row, TgSecret **ret_detail, GError **error);
/* TG_ERROR_NOT_FOUND when the share has none. */
TgSecret *tg_store_load_body(TgStore *self, const char *id, GError **error);
gboolean tg_store_forget_share(TgStore *self, const char *id, GError **error);

/* ---- credentials ---- */

typedef struct {
        char *id;
        char *share_id;
        gint64 received_s;
} TgCredentialRow;

void tg_credential_row_clear(TgCredentialRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgCredentialRow, tg_credential_row_clear)

gboolean tg_store_save_credential(TgStore *self,
                                  const TgCredentialRow *row,
                                  TgSecret *detail,
                                  GError **error);
typedef void (*TgCredentialRowFunc)(const TgCredentialRow *row,
                                    TgSecret *detail,
                                    gpointer user_data);
gboolean tg_store_each_credential(TgStore *self,
                                  TgCredentialRowFunc func,
                                  gpointer user_data,
                                  GError **error);
gboolean tg_store_remove_credential(TgStore *self, const char *id, GError **error);

/* ---- links that were claimed and have ended: keyed digests ---- */

/* Digest of a link under the state key; needs the key. */
gboolean tg_store_link_digest(TgStore *self, TgSecret *link, guint8 ret_digest[32], GError **error);
gboolean tg_store_add_link(TgStore *self, const guint8 digest[32], gint64 until_s, GError **error);
/* TRUE also when it cannot be read. */
gboolean tg_store_has_link(TgStore *self, const guint8 digest[32], gint64 now_s);

/* ---- PIN shares that were burned: keyed digests of what they had shared ---- */

/* Digest of a thing's name under the state key; needs the key. */
gboolean
tg_store_burn_digest(TgStore *self, const TgSecret *name, guint8 ret_digest[32], GError **error);
/* Counts one burned share of it for @life_s. */
gboolean tg_store_add_burn(
        TgStore *self, const guint8 digest[32], gint64 now_s, gint64 life_s, GError **error);
/* Until when it may not be shared with a PIN, as TG_MAX_BURNS count against it; 0: it may.
 * G_MAXINT64 when it cannot be read. */
gint64 tg_store_burned_until(TgStore *self, const guint8 digest[32], gint64 now_s);

/* ---- the log (protocol/log-entry.h) ---- */

/* Appends @entry, whose number is set here, in the transaction that is open or one of its own.
 * Above TG_MAX_LOG_ENTRIES the oldest go. Needs the key. */
gboolean tg_store_log(TgStore *self, const TgLogEntry *entry, GError **error);
/* The same without the key: nothing but this is kept, and in the clear (@id of a share or
 * credential), until somebody enters it with tg_store_log() and calls tg_store_drop_late() in one
 * transaction. */
gboolean
tg_store_log_late(TgStore *self, const char *id, TgLogAct act, gint64 time_s, GError **error);

/* The entries are those behind *ret_base, up to *ret_last. Needs the key. */
void tg_store_log_marks(const TgStore *self, TgLogMark *ret_base, TgLogMark *ret_last);
/* Calls @func for at most @n_max entries with a number above @after, in order; it must not change
 * the store. @entry NULL: it cannot be opened, somebody has changed it. What is missing is left
 * out. */
typedef void (*TgLogFunc)(guint64 number,
                          const TgLogEntry *entry,
                          const guint8 hash[TG_LOG_HASH_BYTES],
                          gpointer user_data);
gboolean tg_store_each_log(TgStore *self,
                           guint64 after,
                           guint n_max,
                           TgLogFunc func,
                           gpointer user_data,
                           GError **error);

/* @act: as it stands there. @func must not change the store. */
typedef void (*TgLateFunc)(const char *id, const char *act, gint64 time_s, gpointer user_data);
gboolean tg_store_each_late(TgStore *self, TgLateFunc func, gpointer user_data, GError **error);
/* FALSE also when it cannot be read. */
gboolean tg_store_has_late(TgStore *self, const char *id, TgLogAct act);
gboolean tg_store_drop_late(TgStore *self, GError **error);
