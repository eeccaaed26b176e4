/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/error.h"
#include "protocol/exchange-private.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "protocol/pin.h"
#include "protocol/thread.h"

/*
 * The record of an exchange, big-endian: version 1; one octet each of role, mode, phase, pending,
 * flags, scrypt cost, attempt, attempts_max, attempts_used, pin_digits; claim, offer hash, offer
 * share, peer's commitment, last read digest; then the fields of below, each after its length in
 * four octets, 0xffffffff for one that is not there. It is loaded by whoever could read the file,
 * sealed though it is: nothing in it is believed.
 */

#define SAVED_VERSION 1
#define ABSENT G_MAXUINT32

enum {
        FLAG_CONFIRMED = 1 << 0,
        FLAG_SAID_END = 1 << 1,
        FLAG_READS_END = 1 << 2,
        FLAG_TIGHT = 1 << 3,
        ALL_FLAGS = (1 << 4) - 1,
};

typedef enum { KIND_SECRET, KIND_TEXT, KIND_BYTES } Kind;

typedef struct {
        Kind kind;
        gsize offset;
        gsize min_bytes, max_bytes;
} Field;

#define FIELD(kind, member, min, max)                                                              \
        {                                                                                          \
                kind, G_STRUCT_OFFSET(TgExchange, member), min, max                                \
        }
#define KEY(member) FIELD(KIND_SECRET, member, TG_EXCHANGE_KEY_BYTES, TG_EXCHANGE_KEY_BYTES)
#define MAX_INFO_BYTES TG_MAX_SEALED_BYTES

static const Field fields[] = {
        FIELD(KIND_SECRET, key, 16, 32),
        KEY(early),
        FIELD(KIND_SECRET, pin, TG_PIN_MIN_DIGITS, TG_PIN_MAX_DIGITS),
        KEY(w),
        KEY(scalar),
        KEY(info_key),
        KEY(late_key),
        KEY(confirm),
        KEY(app_own),
        KEY(app_peer),
        KEY(exporter),
        FIELD(KIND_TEXT, place, 1, TG_MAX_LINK_CHARS),
        FIELD(KIND_TEXT, payload, 1, TG_MAX_BODY_BYTES),
        FIELD(KIND_TEXT, answer, 1, TG_MAX_BODY_BYTES),
        FIELD(KIND_TEXT, display.title, 0, TG_MAX_TITLE_BYTES),
        FIELD(KIND_TEXT, display.description, 0, TG_MAX_DESCRIPTION_BYTES),
        FIELD(KIND_TEXT, display.image_url, 0, TG_MAX_IMAGE_URL_BYTES),
        FIELD(KIND_TEXT, display.limits, 1, TG_MAX_BOUNDS_CHARS),
        FIELD(KIND_BYTES, info, TG_MIN_SEALED_BYTES, MAX_INFO_BYTES),
};

/* ---- writing ---- */

/* Counts without room, writes with it. */
typedef struct {
        guint8 *at;
        gsize n_bytes;
} Writer;

static void
put_bytes(Writer *self, const void *bytes, gsize n_bytes)
{
        if (self->at && n_bytes > 0) {
                memcpy(self->at, bytes, n_bytes);
                self->at += n_bytes;
        }
        self->n_bytes += n_bytes;
}

static void
put_octet(Writer *self, guint number)
{
        guint8 octet = (guint8)number;

        put_bytes(self, &octet, 1);
}

static void
put_length(Writer *self, guint32 length)
{
        guint32 number = GUINT32_TO_BE(length);

        put_bytes(self, &number, sizeof number);
}

static void
put_field(Writer *self, const TgExchange *exchange, const Field *field)
{
        const void *value = G_STRUCT_MEMBER(void *, exchange, field->offset);
        const void *bytes = value;
        gsize n_bytes = 0;

        if (!value) {
                put_length(self, ABSENT);
                return;
        }
        switch (field->kind) {
        case KIND_SECRET:
                bytes = tg_secret_get(value, &n_bytes);
                break;
        case KIND_TEXT:
                n_bytes = strlen(value);
                break;
        case KIND_BYTES:
                bytes = g_bytes_get_data((GBytes *)value, &n_bytes);
                break;
        }
        put_length(self, (guint32)n_bytes);
        put_bytes(self, bytes, n_bytes);
}

static void
put_exchange(Writer *self, const TgExchange *exchange, GBytes *thread)
{
        gsize n_thread;
        const guint8 *thread_bytes = g_bytes_get_data(thread, &n_thread);

        put_octet(self, SAVED_VERSION);
        put_octet(self, exchange->role);
        put_octet(self, exchange->mode);
        put_octet(self, exchange->phase);
        put_octet(self, exchange->pending);
        put_octet(self,
                  (exchange->is_confirmed ? FLAG_CONFIRMED : 0) |
                          (exchange->has_said_end ? FLAG_SAID_END : 0) |
                          (exchange->reads_end ? FLAG_READS_END : 0) |
                          (exchange->is_tight ? FLAG_TIGHT : 0));
        put_octet(self, exchange->scrypt_log2_n);
        put_octet(self, exchange->attempt);
        put_octet(self, exchange->attempts_max);
        put_octet(self, exchange->attempts_used);
        put_octet(self, exchange->pin_digits);
        put_bytes(self, exchange->claim, sizeof exchange->claim);
        put_bytes(self, exchange->offer_hash, sizeof exchange->offer_hash);
        put_bytes(self, exchange->offer_share, sizeof exchange->offer_share);
        put_bytes(self, exchange->peer_commit, sizeof exchange->peer_commit);
        put_bytes(self, exchange->last_read, sizeof exchange->last_read);
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
                put_field(self, exchange, &fields[i]);
        put_length(self, (guint32)n_thread);
        put_bytes(self, thread_bytes, n_thread);
}

TgSecret *
tg_exchange_save(const TgExchange *self, GError **error)
{
        g_autoptr(GBytes) thread = tg_thread_save(self->thread);
        Writer counter = {0}, writer = {0};
        TgSecret *saved;

        put_exchange(&counter, self, thread);
        saved = tg_secret_new_blank(counter.n_bytes, &writer.at, error);
        if (saved)
                put_exchange(&writer, self, thread);

        return saved;
}

/* ---- reading ---- */

typedef struct {
        const guint8 *at, *end;
} Reader;

static gboolean
take_bytes(Reader *self, void *ret_bytes, gsize n_bytes)
{
        if ((gsize)(self->end - self->at) < n_bytes)
                return FALSE;
        memcpy(ret_bytes, self->at, n_bytes);
        self->at += n_bytes;

        return TRUE;
}

static gboolean
take_octet(Reader *self, guint below, guint *ret_number)
{
        guint8 octet;

        if (!take_bytes(self, &octet, 1) || octet >= below)
                return FALSE;
        *ret_number = octet;

        return TRUE;
}

/* A view of the next field; *ret_bytes NULL: absent. */
static gboolean
take_view(Reader *self, const guint8 **ret_bytes, gsize *ret_n_bytes)
{
        guint32 length;

        if (!take_bytes(self, &length, sizeof length))
                return FALSE;
        length = GUINT32_FROM_BE(length);
        *ret_bytes = NULL;
        *ret_n_bytes = 0;
        if (length == ABSENT)
                return TRUE;
        if ((gsize)(self->end - self->at) < length)
                return FALSE;
        *ret_bytes = self->at;
        *ret_n_bytes = length;
        self->at += length;

        return TRUE;
}

/* FALSE without @error: the record is wrong. */
static gboolean
take_field(Reader *self, TgExchange *exchange, const Field *field, GError **error)
{
        void **member = &G_STRUCT_MEMBER(void *, exchange, field->offset);
        const guint8 *bytes;
        gsize n_bytes;

        if (!take_view(self, &bytes, &n_bytes))
                return FALSE;
        if (!bytes)
                return TRUE;
        if (n_bytes < field->min_bytes || n_bytes > field->max_bytes)
                return FALSE;
        switch (field->kind) {
        case KIND_SECRET:
                *member = tg_secret_new(bytes, n_bytes, error);
                break;
        case KIND_TEXT:
                if (memchr(bytes, '\0', n_bytes))
                        return FALSE;
                *member = g_strndup((const char *)bytes, n_bytes);
                break;
        case KIND_BYTES:
                *member = g_bytes_new(bytes, n_bytes);
                break;
        }

        return *member != NULL;
}

static gboolean
take_numbers(Reader *self, TgExchange *exchange)
{
        guint version, role, mode, phase, pending, flags;

        if (!take_octet(self, SAVED_VERSION + 1, &version) || version != SAVED_VERSION ||
            !take_octet(self, TG_ROLE_RECIPIENT + 1, &role) ||
            !take_octet(self, TG_MODE_T2_PIN + 1, &mode) ||
            !take_octet(self, TG_N_PHASES, &phase) ||
            !take_octet(self, TG_OUTPUT_END + 1, &pending) ||
            !take_octet(self, ALL_FLAGS + 1, &flags) ||
            !take_octet(self, TG_SCRYPT_LOG2_N + 1, &exchange->scrypt_log2_n) ||
            !take_octet(self, TG_MAX_ATTEMPTS + 1, &exchange->attempt) ||
            !take_octet(self, TG_MAX_ATTEMPTS + 1, &exchange->attempts_max) ||
            !take_octet(self, TG_MAX_ATTEMPTS + 1, &exchange->attempts_used) ||
            !take_octet(self, TG_PIN_MAX_DIGITS + 1, &exchange->pin_digits))
                return FALSE;
        exchange->role = (TgRole)role;
        exchange->mode = (TgMode)mode;
        exchange->phase = (TgPhase)phase;
        exchange->pending = (TgOutputKind)pending;
        exchange->is_confirmed = (flags & FLAG_CONFIRMED) != 0;
        exchange->has_said_end = (flags & FLAG_SAID_END) != 0;
        exchange->reads_end = (flags & FLAG_READS_END) != 0;
        exchange->is_tight = (flags & FLAG_TIGHT) != 0;

        return take_bytes(self, exchange->claim, sizeof exchange->claim) &&
               take_bytes(self, exchange->offer_hash, sizeof exchange->offer_hash) &&
               take_bytes(self, exchange->offer_share, sizeof exchange->offer_share) &&
               take_bytes(self, exchange->peer_commit, sizeof exchange->peer_commit) &&
               take_bytes(self, exchange->last_read, sizeof exchange->last_read);
}

static gboolean
take_thread(Reader *self, TgExchange *exchange)
{
        const guint8 *bytes, *sid;
        gsize n_bytes;

        if (!take_view(self, &bytes, &n_bytes) || !bytes || self->at != self->end)
                return FALSE;
        exchange->thread = tg_thread_load(bytes, n_bytes, NULL);
        if (!exchange->thread)
                return FALSE;
        sid = tg_thread_sid(exchange->thread);
        if (sid)
                memcpy(exchange->sid, sid, TG_SID_BYTES);

        return tg_thread_role(exchange->thread) == exchange->role;
}

/* ---- what goes together ---- */

static gboolean
has_all(gboolean is_wanted, const void *const *members, gsize n_members)
{
        for (gsize i = 0; i < n_members; i++)
                if ((members[i] != NULL) != is_wanted)
                        return FALSE;

        return TRUE;
}

/* The secrets that a phase has, and no other. */
static gboolean
check_secrets(const TgExchange *self)
{
        gboolean is_t1 = self->mode == TG_MODE_T1;
        gboolean is_initiator = self->role == TG_ROLE_INITIATOR;
        gboolean is_over = self->phase == TG_PHASE_BURNED || self->phase == TG_PHASE_ENDED;
        gboolean is_open = self->phase == TG_PHASE_OPEN;
        gboolean is_trying = self->phase == TG_PHASE_OFFERED || self->phase == TG_PHASE_CHARGED;
        gboolean has_keys = !is_t1 && (is_open || self->phase == TG_PHASE_ANSWERED);
        gboolean has_pin = self->mode == TG_MODE_T2_PIN && is_initiator && !is_open && !is_over;
        const void *const keys[] = {self->app_own, self->app_peer, self->exporter};
        const void *const tries[] = {self->w, self->scalar, self->info_key, self->info};

        return (self->key != NULL) == (is_t1 && !is_over) &&
               (self->early != NULL) == (!is_t1 && !is_open && !is_over) &&
               (self->pin != NULL) == has_pin &&
               (self->late_key != NULL) == (self->pending == TG_OUTPUT_CONFIRMED) &&
               (self->answer != NULL) == (self->phase == TG_PHASE_CHARGED) &&
               (self->confirm != NULL) == (self->phase == TG_PHASE_ANSWERED) &&
               has_all(has_keys, keys, G_N_ELEMENTS(keys)) &&
               has_all(is_trying, tries, G_N_ELEMENTS(tries));
}

static gboolean
check_phase(const TgExchange *self)
{
        gboolean is_t1 = self->mode == TG_MODE_T1;
        gboolean is_initiator = self->role == TG_ROLE_INITIATOR;

        switch (self->phase) {
        case TG_PHASE_NEW:
        case TG_PHASE_OPEN:
                return TRUE;
        case TG_PHASE_OFFERED:
        case TG_PHASE_CHARGED:
        case TG_PHASE_BURNED:
                return !is_t1 && is_initiator;
        case TG_PHASE_ASKED:
                return self->mode == TG_MODE_T2_PIN && !is_initiator;
        case TG_PHASE_ANSWERED:
                return !is_t1 && !is_initiator;
        case TG_PHASE_ENDED:
                return is_initiator;
        }

        return FALSE;
}

static gboolean
check_tries(const TgExchange *self)
{
        guint counted = self->phase == TG_PHASE_OFFERED && self->attempt > 0 ? self->attempt - 1
                                                                             : self->attempt;
        gboolean is_early = self->phase == TG_PHASE_NEW || self->mode == TG_MODE_T1;
        gboolean is_open = self->mode != TG_MODE_T1 && self->phase == TG_PHASE_OPEN;

        if (self->attempt > self->attempts_max || (self->attempt == 0) != is_early)
                return FALSE;
        if (self->is_confirmed ? !is_open && self->phase != TG_PHASE_ENDED : is_open)
                return FALSE;
        if (self->role == TG_ROLE_RECIPIENT)
                return self->attempts_used + (self->phase == TG_PHASE_ASKED) <= TG_MAX_PIN_TRIES;
        if (self->attempts_max != (self->mode == TG_MODE_T1       ? 0
                                   : self->mode == TG_MODE_T2_PIN ? TG_MAX_PIN_TRIES
                                                                  : 1))
                return FALSE;
        if (self->pin && self->pin_digits != tg_secret_size(self->pin))
                return FALSE;

        /* an end message may come before its attempt is used */
        return self->phase == TG_PHASE_ENDED ? self->attempts_used <= self->attempt
                                             : self->attempts_used == counted;
}

static gboolean
check_pending(const TgExchange *self)
{
        gboolean is_known = self->pending == TG_OUTPUT_NONE || self->pending == TG_OUTPUT_WRITE ||
                            self->pending == TG_OUTPUT_CONFIRMED ||
                            self->pending == TG_OUTPUT_WRONG_PIN;
        TgJson value;

        if (!is_known || (self->payload != NULL) != (self->pending != TG_OUTPUT_NONE))
                return FALSE;
        if (self->payload &&
            !tg_json_parse(self->payload, strlen(self->payload), TG_MAX_BODY_BYTES, &value, NULL))
                return FALSE;
        if (self->answer &&
            !tg_json_parse(self->answer, strlen(self->answer), TG_MAX_BODY_BYTES, &value, NULL))
                return FALSE;

        return TRUE;
}

static gboolean
check_whole(const TgExchange *self)
{
        gboolean knows_sid = tg_thread_sid(self->thread) != NULL;

        if (!check_phase(self) || !check_secrets(self) || !check_tries(self) ||
            !check_pending(self) || self->scrypt_log2_n == 0)
                return FALSE;
        if (self->mode == TG_MODE_T1)
                return TRUE;
        /* what is charged was read there, and is judged with its address */
        if (!self->place && (self->role == TG_ROLE_RECIPIENT || self->phase == TG_PHASE_CHARGED))
                return FALSE;

        return knows_sid == (self->role == TG_ROLE_INITIATOR || self->phase != TG_PHASE_NEW);
}

TgExchange *
tg_exchange_load(const TgSecret *saved, GError **error)
{
        g_autoptr(TgExchange) self = g_new0(TgExchange, 1);
        g_autoptr(GError) reason = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(saved, &n_bytes);
        Reader reader = {bytes, bytes + n_bytes};
        gboolean is_right = take_numbers(&reader, self);

        for (gsize i = 0; is_right && i < G_N_ELEMENTS(fields); i++)
                is_right = take_field(&reader, self, &fields[i], &reason);
        if (reason) {
                g_propagate_error(error, g_steal_pointer(&reason));
                return NULL;
        }
        if (!is_right || !take_thread(&reader, self) || !check_whole(self)) {
                tg_set_error(
                        error, TG_ERROR_FAILED, "the stored state of an exchange cannot be read");
                return NULL;
        }

        return g_steal_pointer(&self);
}
