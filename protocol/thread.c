/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/thread.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/envelope.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/payload.h"

/*
 * The reading rules of T1. A relay can replay, roll back and reflect; what it
 * offers is judged by what this share has sent and accepted. A refusal changes
 * nothing, so that a hostile relay cannot lock out the message that comes after.
 */

#define NONE (-1)

typedef struct {
        guint8 octets[TG_SHA256_BYTES];
} Digest;

struct TgThread {
        TgRole role;
        gboolean is_headerless_allowed;
        gboolean has_sid;
        guint8 sid[TG_SID_BYTES];
        gint64 my_seq; /* of the last message sent with a header, or NONE */
        gint64 peer_seq;
        gboolean peer_has_header; /* has used it */
        gboolean is_headerless;   /* the exchange is without */
        gboolean peer_reads_end;
        gboolean has_last_sent;
        Digest last_sent;
        GArray *digests; /* of Digest: the data text of every payload sent or accepted */
};

TgThread *
tg_thread_new(TgRole role, const guint8 *sid, gboolean is_headerless_allowed)
{
        TgThread *self = g_new0(TgThread, 1);

        self->role = role;
        self->is_headerless_allowed = is_headerless_allowed;
        self->my_seq = self->peer_seq = NONE;
        self->digests = g_array_new(FALSE, FALSE, sizeof(Digest));
        if (sid) {
                self->has_sid = TRUE;
                memcpy(self->sid, sid, TG_SID_BYTES);
        }

        return self;
}

void
tg_thread_free(TgThread *self)
{
        if (!self)
                return;

        g_array_unref(self->digests);
        g_free(self);
}

gboolean
tg_thread_peer_reads_end(const TgThread *self)
{
        return self->peer_reads_end;
}

gboolean
tg_thread_is_headerless(const TgThread *self)
{
        return self->is_headerless;
}

guint
tg_thread_count(const TgThread *self)
{
        return self->digests->len;
}

static gboolean
is_full(const TgThread *self, GError **error)
{
        if (self->digests->len < TG_MAX_MESSAGES_PER_SHARE)
                return FALSE;
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "this share has used up its %d messages: make a new one",
                     TG_MAX_MESSAGES_PER_SHARE);

        return TRUE;
}

static gboolean
is_known(const TgThread *self, const Digest *digest)
{
        for (guint i = 0; i < self->digests->len; i++)
                if (memcmp(&g_array_index(self->digests, Digest, i), digest, sizeof *digest) == 0)
                        return TRUE;

        return FALSE;
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_TAMPERED, "%s", why);
        return FALSE;
}

/* ---- reading ---- */

static gboolean
judge_header(const TgThread *self, const TgHeader *header, GError **error)
{
        if (!header->present) {
                if (!self->is_headerless_allowed)
                        return refuse(error, "a message without header is not accepted here");
                if (self->peer_has_header)
                        return refuse(error, "the header of the peer's messages was taken off");
                return TRUE;
        }

        if (self->is_headerless)
                return refuse(error, "a header appeared in an exchange that had none");
        if (header->role == self->role)
                return refuse(error, "a message of this side came back");
        if (self->has_sid && !tg_bytes_equal(self->sid, header->sid, TG_SID_BYTES))
                return refuse(error, "a message of another share was put here");
        if ((gint64)header->seq <= self->peer_seq)
                return refuse(error, "an older message was shown again");
        if (header->has_ack && (gint64)header->ack > self->my_seq)
                return refuse(error, "a message was acknowledged that was never sent");

        return TRUE;
}

TgReading
tg_thread_accept(TgThread *self, const TgHeader *header, const guint8 digest[TG_SHA256_BYTES])
{
        g_array_append_vals(self->digests, digest, 1);
        if (!header->present) {
                self->is_headerless = TRUE;
                return TG_READ_LEGACY;
        }

        self->has_sid = TRUE;
        memcpy(self->sid, header->sid, TG_SID_BYTES);
        self->peer_seq = header->seq;
        self->peer_has_header = TRUE;
        self->peer_reads_end |= header->reads_end; /* a promise is not taken back by silence */

        /* what the peer had not seen when it wrote may have been overwritten unread */
        if (self->my_seq != NONE && (!header->has_ack || (gint64)header->ack < self->my_seq))
                return TG_READ_OVERTAKEN;

        return TG_READ_OK;
}

gboolean
tg_thread_is_last_sent(const TgThread *self, const guint8 digest[TG_SHA256_BYTES])
{
        return self->has_last_sent && memcmp(digest, &self->last_sent, TG_SHA256_BYTES) == 0;
}

const guint8 *
tg_thread_sid(const TgThread *self)
{
        return self->has_sid ? self->sid : NULL;
}

TgRole
tg_thread_role(const TgThread *self)
{
        return self->role;
}

gboolean
tg_thread_is_full(const TgThread *self)
{
        return is_full(self, NULL);
}

TgEnvelope *
tg_thread_judge(const TgThread *self,
                const TgSecret *key,
                const TgJson *payload,
                guint8 ret_digest[TG_SHA256_BYTES],
                GError **error)
{
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        Digest digest;

        if (!tg_payload_digest(payload, digest.octets, error))
                return NULL;
        plaintext = tg_payload_open(key, payload, error);
        if (!plaintext)
                return NULL;
        if (is_known(self, &digest)) {
                refuse(error, "an older message was shown again");
                return NULL;
        }
        envelope = tg_envelope_parse(plaintext, error);
        if (!envelope || !judge_header(self, &envelope->header, error) || is_full(self, error))
                return NULL;

        memcpy(ret_digest, digest.octets, TG_SHA256_BYTES);
        return g_steal_pointer(&envelope);
}

TgReading
tg_thread_read(TgThread *self,
               const TgSecret *key,
               const TgJson *payload,
               TgEnvelope **ret_envelope,
               GError **error)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        guint8 digest[TG_SHA256_BYTES];
        TgReading reading;

        if (!tg_payload_digest(payload, digest, error))
                return TG_READ_REFUSED;
        if (tg_thread_is_last_sent(self, digest))
                return TG_READ_NONE;
        envelope = tg_thread_judge(self, key, payload, digest, error);
        if (!envelope)
                return TG_READ_REFUSED;

        reading = tg_thread_accept(self, &envelope->header, digest);
        *ret_envelope = g_steal_pointer(&envelope);

        return reading;
}

/* ---- writing ---- */

gboolean
tg_thread_note_sent(TgThread *self, const TgJson *payload, gint64 seq, GError **error)
{
        Digest digest;

        if (!tg_payload_digest(payload, digest.octets, error))
                return FALSE;

        if (!is_known(self, &digest))
                g_array_append_val(self->digests, digest);
        self->last_sent = digest;
        self->has_last_sent = TRUE;
        if (seq >= 0)
                self->my_seq = seq;

        return TRUE;
}

/* The header of the next message: an initiator writes it always, a recipient when
 * the initiator did, for it has no sid otherwise. */
static void
next_header(const TgThread *self, const TgHeader *extra, TgHeader *ret_header)
{
        TgHeader header = {0};

        header.present = self->role == TG_ROLE_INITIATOR || self->peer_has_header;
        header.role = self->role;
        memcpy(header.sid, self->sid, TG_SID_BYTES);
        header.seq = (guint32)(self->my_seq + 1);
        header.has_ack = self->peer_seq != NONE;
        header.ack = header.has_ack ? (guint32)self->peer_seq : 0;
        if (extra) { /* lent: the texts stay the caller's */
                header.reads_end = extra->reads_end;
                header.is_tight = extra->is_tight;
                header.title = extra->title;
                header.description = extra->description;
                header.image_url = extra->image_url;
                header.next = extra->next;
                header.limits = extra->limits;
        }
        *ret_header = header;
}

char *
tg_thread_write(TgThread *self,
                const TgSecret *key,
                const char *format,
                const guint8 *content,
                gsize n_content,
                const TgHeader *header_extra,
                GError **error)
{
        g_autoptr(TgSecret) plaintext = NULL;
        g_autofree char *text = NULL;
        TgHeader header;
        TgJson payload;

        g_return_val_if_fail(self->role == TG_ROLE_RECIPIENT || self->has_sid, NULL);

        if (is_full(self, error))
                return NULL;
        next_header(self, header_extra, &header);
        plaintext = tg_envelope_build(format, content, n_content, &header, error);
        if (!plaintext)
                return NULL;
        text = tg_payload_seal(key, NULL, plaintext, error);
        if (!text)
                return NULL;

        if (!tg_json_parse(text, strlen(text), TG_MAX_BODY_BYTES, &payload, error) ||
            !tg_thread_note_sent(self, &payload, header.present ? (gint64)header.seq : NONE, error))
                return NULL;

        return g_steal_pointer(&text);
}

/* ---- keeping ---- */

/*
 * Big-endian: version 1, role, flags, sid, my_seq and peer_seq (64 bits, -1 for none),
 * last sent digest (zeros if none), number of digests (16 bits), digests.
 */
#define SAVED_VERSION 1
#define SAVED_FIXED_BYTES (3 + TG_SID_BYTES + 8 + 8 + TG_SHA256_BYTES + 2)

enum {
        FLAG_HEADERLESS_ALLOWED = 1 << 0,
        FLAG_SID = 1 << 1,
        FLAG_PEER_HAS_HEADER = 1 << 2,
        FLAG_HEADERLESS = 1 << 3,
        FLAG_PEER_READS_END = 1 << 4,
        FLAG_LAST_SENT = 1 << 5,
        ALL_FLAGS = (1 << 6) - 1,
};

static void
append_number(GByteArray *bytes, guint64 number, guint n_bytes)
{
        while (n_bytes-- > 0) {
                guint8 octet = (guint8)(number >> (8 * n_bytes));

                g_byte_array_append(bytes, &octet, 1);
        }
}

static guint64
take_number(const guint8 **at, guint n_bytes)
{
        guint64 number = 0;

        while (n_bytes-- > 0)
                number = number << 8 | *(*at)++;

        return number;
}

GBytes *
tg_thread_save(const TgThread *self)
{
        GByteArray *bytes = g_byte_array_new();
        guint flags = (self->is_headerless_allowed ? FLAG_HEADERLESS_ALLOWED : 0) |
                      (self->has_sid ? FLAG_SID : 0) |
                      (self->peer_has_header ? FLAG_PEER_HAS_HEADER : 0) |
                      (self->is_headerless ? FLAG_HEADERLESS : 0) |
                      (self->peer_reads_end ? FLAG_PEER_READS_END : 0) |
                      (self->has_last_sent ? FLAG_LAST_SENT : 0);

        append_number(bytes, SAVED_VERSION, 1);
        append_number(bytes, self->role, 1);
        append_number(bytes, flags, 1);
        g_byte_array_append(bytes, self->sid, TG_SID_BYTES);
        append_number(bytes, (guint64)self->my_seq, 8);
        append_number(bytes, (guint64)self->peer_seq, 8);
        g_byte_array_append(bytes, self->last_sent.octets, TG_SHA256_BYTES);
        append_number(bytes, self->digests->len, 2);
        g_byte_array_append(bytes,
                            (const guint8 *)self->digests->data,
                            self->digests->len * (guint)sizeof(Digest));

        return g_byte_array_free_to_bytes(bytes);
}

static gboolean
is_seq(gint64 seq)
{
        return seq >= NONE && seq <= G_MAXINT32;
}

TgThread *
tg_thread_load(const guint8 *bytes, gsize n_bytes, GError **error)
{
        static const char wrong[] = "the stored state of an exchange cannot be read";
        g_autoptr(TgThread) self = tg_thread_new(TG_ROLE_INITIATOR, NULL, FALSE);
        const guint8 *at = bytes;
        guint flags;
        gsize n_digests;

        if (n_bytes < SAVED_FIXED_BYTES || take_number(&at, 1) != SAVED_VERSION || *at > 1) {
                tg_set_error(error, TG_ERROR_FAILED, wrong);
                return NULL;
        }

        self->role = (TgRole)take_number(&at, 1);
        flags = (guint)take_number(&at, 1);
        self->is_headerless_allowed = (flags & FLAG_HEADERLESS_ALLOWED) != 0;
        self->has_sid = (flags & FLAG_SID) != 0;
        self->peer_has_header = (flags & FLAG_PEER_HAS_HEADER) != 0;
        self->is_headerless = (flags & FLAG_HEADERLESS) != 0;
        self->peer_reads_end = (flags & FLAG_PEER_READS_END) != 0;
        self->has_last_sent = (flags & FLAG_LAST_SENT) != 0;
        memcpy(self->sid, at, TG_SID_BYTES);
        at += TG_SID_BYTES;
        self->my_seq = (gint64)take_number(&at, 8);
        self->peer_seq = (gint64)take_number(&at, 8);
        memcpy(self->last_sent.octets, at, TG_SHA256_BYTES);
        at += TG_SHA256_BYTES;
        n_digests = take_number(&at, 2);

        if ((flags & ~(guint)ALL_FLAGS) || !is_seq(self->my_seq) || !is_seq(self->peer_seq) ||
            n_digests > TG_MAX_MESSAGES_PER_SHARE ||
            n_bytes != SAVED_FIXED_BYTES + n_digests * sizeof(Digest)) {
                tg_set_error(error, TG_ERROR_FAILED, wrong);
                return NULL;
        }
        g_array_append_vals(self->digests, at, (guint)n_digests);

        return g_steal_pointer(&self);
}
