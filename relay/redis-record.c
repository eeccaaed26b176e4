/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-record.h"

#include <string.h>

#include "protocol/limits.h"
#include "relay/request.h"

/* Another format is another letter: an older relay then refuses what it does not know. */
#define MAILBOX_FORMAT 'm'
#define RESOURCE_FORMAT 'r'
#define END_FORMAT 'e'

static const guint8 nobody[TG_DIGEST_BYTES];

/* ---- writing and reading in order ---- */

static guint8 *
put(guint8 *at, const void *bytes, gsize n_bytes)
{
        memcpy(at, bytes, n_bytes);
        return at + n_bytes;
}

static guint8 *
put_octet(guint8 *at, guint octet)
{
        *at = (guint8)octet;
        return at + 1;
}

static guint8 *
put_number(guint8 *at, guint64 number)
{
        number = GUINT64_TO_BE(number);
        return put(at, &number, sizeof number);
}

static const guint8 *
get(const guint8 *at, void *ret, gsize n_bytes)
{
        memcpy(ret, at, n_bytes);
        return at + n_bytes;
}

static const guint8 *
get_number(const guint8 *at, guint64 *ret)
{
        at = get(at, ret, sizeof *ret);
        *ret = GUINT64_FROM_BE(*ret);

        return at;
}

/* NULL unless it has this length and begins so. The expiry of everything is positive. */
static const guint8 *
begin(const TgReply *reply, gsize n_wanted, guint8 format, gint64 *ret_s)
{
        gsize n_bytes;
        const guint8 *at = tg_reply_get_bytes(reply, &n_bytes);
        guint64 number;

        if (!at || n_bytes != n_wanted || *at != format)
                return NULL;
        at = get_number(at + 1, &number);
        *ret_s = (gint64)number;

        return number > 0 && number <= G_MAXINT64 / G_USEC_PER_SEC ? at : NULL;
}

/* ---- mailboxes ---- */

void
tg_mailbox_state_write(const TgMailbox *mailbox, guint8 ret[TG_MAILBOX_STATE_BYTES])
{
        guint8 *at = put_octet(ret, MAILBOX_FORMAT);

        at = put_number(at, (guint64)mailbox->expires_s);
        at = put_octet(at, mailbox->rights);
        at = put_number(at, mailbox->version);
        at = put_octet(at, mailbox->writer);
        at = put(at, mailbox->creation, sizeof mailbox->creation);
        at = put_octet(at, mailbox->has_verifier);
        at = put(at, mailbox->verifier, sizeof mailbox->verifier);
        for (guint i = 0; i < TG_N_SIDES; i++) {
                const TgParty *party = &mailbox->parties[i];

                at = put(at, party->claim, sizeof party->claim);
                at = put(at, party->last_request, sizeof party->last_request);
                at = put_octet(at, party->last_operation);
        }
        g_assert(at == ret + TG_MAILBOX_STATE_BYTES);
}

gboolean
tg_mailbox_state_read(const TgReply *reply, TgMailbox *ret)
{
        TgMailbox mailbox = {0};
        const guint8 *at = begin(reply, TG_MAILBOX_STATE_BYTES, MAILBOX_FORMAT, &mailbox.expires_s);

        if (!at || *at > (TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE))
                return FALSE;
        mailbox.rights = (TgRights)*at++;
        at = get_number(at, &mailbox.version);
        if (mailbox.version == 0 || *at >= TG_N_SIDES)
                return FALSE;
        mailbox.writer = (TgSide)*at++;
        at = get(at, mailbox.creation, sizeof mailbox.creation);
        if (*at > 1)
                return FALSE;
        mailbox.has_verifier = *at++;
        at = get(at, mailbox.verifier, sizeof mailbox.verifier);
        for (guint i = 0; i < TG_N_SIDES; i++) {
                TgParty *party = &mailbox.parties[i];

                at = get(at, party->claim, sizeof party->claim);
                at = get(at, party->last_request, sizeof party->last_request);
                if (*at > TG_OPERATION_DELETE_RESOURCE)
                        return FALSE;
                party->last_operation = *at++;
        }
        if (memcmp(mailbox.parties[TG_SIDE_INITIATOR].claim, nobody, sizeof nobody) == 0)
                return FALSE;
        *ret = mailbox;

        return TRUE;
}

/* ---- resources ---- */

void
tg_resource_state_write(const TgResourceState *state, guint8 ret[TG_RESOURCE_STATE_BYTES])
{
        guint8 *at = put_octet(ret, RESOURCE_FORMAT);

        at = put_number(at, (guint64)state->expires_s);
        at = put_octet(at, state->lock.is_required | state->has_request << 1);
        at = put(at, state->request, sizeof state->request);
        at = put_octet(at, state->lock.is_locked);
        at = put(at, state->lock.reader, sizeof state->lock.reader);
        g_assert(at == ret + TG_RESOURCE_STATE_BYTES);
}

gboolean
tg_resource_state_read(const TgReply *reply, TgResourceState *ret)
{
        TgResourceState state = {0};
        const guint8 *at = begin(reply, TG_RESOURCE_STATE_BYTES, RESOURCE_FORMAT, &state.expires_s);

        if (!at || *at > 3)
                return FALSE;
        state.lock.is_required = *at & 1;
        state.has_request = *at++ >> 1;
        at = get(at, state.request, sizeof state.request);
        if (*at > 1)
                return FALSE;
        state.lock.is_locked = *at++;
        get(at, state.lock.reader, sizeof state.lock.reader);
        *ret = state;

        return TRUE;
}

/* ---- ends ---- */

void
tg_end_record_write(const TgEndRecord *record, guint8 ret[TG_END_BYTES])
{
        guint8 *at = put_octet(ret, END_FORMAT);

        at = put_number(at, (guint64)record->at_s);
        at = put_octet(at, record->word);
        at = put(at, record->claims, sizeof record->claims);
        g_assert(at == ret + TG_END_BYTES);
}

gboolean
tg_end_record_read(const TgReply *reply, TgEndRecord *ret)
{
        TgEndRecord record = {0};
        const guint8 *at = begin(reply, TG_END_BYTES, END_FORMAT, &record.at_s);

        if (!at || *at > TG_END_EXPIRED)
                return FALSE;
        record.word = (TgEnd)*at++;
        get(at, record.claims, sizeof record.claims);
        *ret = record;

        return TRUE;
}

/* ---- content ---- */

char *
tg_record_dup_text(const TgReply *reply, gsize max_bytes)
{
        gsize n_bytes;
        const guint8 *bytes = tg_reply_get_bytes(reply, &n_bytes);

        if (!bytes || n_bytes > max_bytes ||
            !g_utf8_validate_len((const char *)bytes, n_bytes, NULL))
                return NULL;

        return g_strndup((const char *)bytes, n_bytes);
}

char *
tg_record_dup_payload(const TgReply *reply)
{
        g_autofree char *text = tg_record_dup_text(reply, TG_MAX_BODY_BYTES);
        TgJson object;

        if (!text || !tg_json_parse(text, strlen(text), TG_MAX_BODY_BYTES, &object, NULL) ||
            object.type != TG_JSON_OBJECT)
                return NULL;

        return g_steal_pointer(&text);
}
