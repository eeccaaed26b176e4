/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plaintext object inside a payload: format, content, T1 header, padding; and
 * the reading rules that stop replay, rollback and reflection. Holds no key.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

#define TG_SID_BYTES 16
#define TG_END_FORMAT "tigress.end"

typedef enum { TG_ROLE_INITIATOR, TG_ROLE_RECIPIENT } TgRole;

typedef struct {
        gboolean present;
        guint8 sid[TG_SID_BYTES];
        TgRole role;
        guint32 seq;
        gboolean has_ack;
        guint32 ack;
        gboolean reads_end; /* "end": 1 */
        gboolean is_tight;  /* written only: pads to no more than TG_MAX_TIGHT_BYTES */
        /* authenticated display information; unset parts NULL. Text of a
         * stranger: clean before showing. */
        char *title;
        char *description;
        char *image_url;
        /* An invitation to what goes on after this exchange (sequel.h), as a JSON object: a secret
         * as the link in it is. NULL: none. */
        TgSecret *next;
        /* The value of "limits" as it stands there, for tg_bounds_parse(); NULL: none. One that is
         * longer than any can be reads as "null", which is none. */
        char *limits;
} TgHeader;

/* Frees what a header owns. */
void tg_header_clear(TgHeader *header);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgHeader, tg_header_clear)

typedef struct {
        TgSecret *plaintext; /* a reference; format and content point into it */
        char *format;
        TgJson content; /* an object */
        TgHeader header;
} TgEnvelope;

/* Reads a plaintext: JSON profile, format, content, header syntax (vectors:
 * json_profile.json). No state is compared. TG_ERROR_TAMPERED otherwise. */
TgEnvelope *tg_envelope_parse(TgSecret *plaintext, GError **error);
void tg_envelope_free(TgEnvelope *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgEnvelope, tg_envelope_free)

/* Writes the padded plaintext. @content is the content object's JSON text, which is
 * checked against the profile (TG_ERROR_INVALID).
 * @header NULL or not present: without header and unpadded (a peer that writes
 * none). TG_ERROR_LIMIT_REACHED when it does not fit. */
TgSecret *tg_envelope_build(const char *format,
                            const guint8 *content,
                            gsize n_content,
                            const TgHeader *header,
                            GError **error);

/* Bucket for a plaintext of @n octets (its length with an empty pad), 0 when none fits. */
gsize tg_padding_bucket(gsize n_bytes);

/* ---- T1 reading rules ---- */

/* What a share remembers between messages. Plain data: the owner stores it with
 * tg_thread_save() and gets it back with tg_thread_load(). */
typedef struct TgThread TgThread;

typedef enum {
        TG_READ_NONE,      /* own last message is still in the slot */
        TG_READ_OK,        /* accepted */
        TG_READ_OVERTAKEN, /* accepted; the last own message may have been overwritten unread */
        TG_READ_LEGACY,    /* accepted from a peer without header */
        TG_READ_REFUSED,   /* ignore, change nothing, keep polling */
} TgReading;

/* @sid NULL for a fresh recipient, who learns it. */
TgThread *tg_thread_new(TgRole role, const guint8 *sid, gboolean is_headerless_allowed);
void tg_thread_free(TgThread *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgThread, tg_thread_free)

/* Judges the payload with @key. On acceptance the state has changed and
 * *ret_envelope is the caller's; @error is set for TG_READ_REFUSED only (for the
 * debug log: a class, no content). */
TgReading tg_thread_read(TgThread *self,
                         const TgSecret *key,
                         const TgJson *payload,
                         TgEnvelope **ret_envelope,
                         GError **error);

/* Seals the next own message and takes it into the state (seq, ack, digest).
 * @header_extra gives end and display (NULL: none). Returns the payload's JSON.
 * TG_ERROR_LIMIT_REACHED after 1,024 messages. */
char *tg_thread_write(TgThread *self,
                      const TgSecret *key,
                      const char *format,
                      const guint8 *content,
                      gsize n_content,
                      const TgHeader *header_extra,
                      GError **error);

/* For vectors, and after a restart that finds a message already sent. @seq < 0: sent bare. */
gboolean tg_thread_note_sent(TgThread *self, const TgJson *payload, gint64 seq, GError **error);

gboolean tg_thread_peer_reads_end(const TgThread *self);
gboolean tg_thread_is_headerless(const TgThread *self);
guint tg_thread_count(const TgThread *self); /* messages sent and accepted */

/* A self-contained octet string, versioned; not secret but stored sealed. */
GBytes *tg_thread_save(const TgThread *self);
TgThread *tg_thread_load(const guint8 *bytes, gsize n_bytes, GError **error);

/* ---- end messages ---- */

typedef enum { TG_OUTCOME_COMPLETED, TG_OUTCOME_DECLINED, TG_OUTCOME_FAILED } TgOutcome;

/* Content text of a tigress.end message; @reason is cut to 256 octets, may be NULL. */
char *tg_end_content(TgOutcome outcome, const char *reason);
/* An unknown outcome is failed. *ret_reason is cleaned text or NULL. */
void tg_end_parse(const TgJson *content, TgOutcome *ret_outcome, char **ret_reason);
