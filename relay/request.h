/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A request as it came, and what it asks: everything about it that can be judged
 * without the store. The order of the checks is the API's: method, path, length,
 * type, rate, body; the rest is mailbox-api.h.
 */

#include <glib.h>

#include "relay/answer.h"
#include "relay/attestation.h"
#include "relay/preview-text.h"
#include "relay/push-rules.h"
#include "relay/store.h"

/* Stored beside request ids: keep the numbers. */
typedef enum {
        TG_OPERATION_NONE = 0,
        TG_OPERATION_CREATE = 1,
        TG_OPERATION_READ = 2,
        TG_OPERATION_UPDATE = 3,
        TG_OPERATION_DELETE = 4,
        TG_OPERATION_RELINQUISH = 5,
        TG_OPERATION_PREVIEW = 6,
        TG_OPERATION_PUT_RESOURCE = 7, /* the plain-HTTP transport, from here on */
        TG_OPERATION_GET_RESOURCE = 8,
        TG_OPERATION_DELETE_RESOURCE = 9,
        /* The relay's own, and so never stored: */
        TG_OPERATION_FIND_TOKEN = 10,
        TG_OPERATION_FORGET_TOKEN = 11,
} TgOperation;

/* The headers that mean anything to the relay. */
typedef enum {
        TG_FIELD_CLAIM,
        TG_FIELD_REQUEST_ID,
        TG_FIELD_VERIFIER,
        TG_FIELD_PROOF,
        TG_FIELD_CONTENT_TYPE,
        TG_FIELD_IF_MATCH,
        TG_FIELD_IF_NONE_MATCH,
        TG_FIELD_PREFER,
        TG_FIELD_ACCEPT,
        TG_FIELD_ACCEPT_LANGUAGE,
        TG_FIELD_READER_LOCK,
        TG_FIELD_EXPIRES_IN,
        TG_FIELD_ATTESTATION,
        TG_FIELD_AUTHORIZATION, /* an attestation, too: RFC 9577's own place for it */
        TG_FIELD_FORWARDED,     /* only from those who are trusted with it */
} TgField;
#define TG_N_FIELDS (TG_FIELD_FORWARDED + 1)

/* As it came; everything belongs to somebody else. */
typedef struct {
        const char *method;
        const char *path; /* as on the wire, without the query */
        const char *fields[TG_N_FIELDS];
        guint repeated; /* bit per field that came more than once */
        const char *body;
        gsize n_body;
        gboolean is_too_large; /* the body has been dropped … */
        gboolean is_starved;   /* … for there was no room for it now */
        /* Seconds to wait (0: come in) for one more request, or creation, of this
         * source; NULL: no limits. */
        guint (*admit)(gpointer source, gboolean is_creation);
        gpointer source;
} TgHttpRequest;

/* Takes one header; the others are ignored. */
void tg_http_request_add(TgHttpRequest *self, const char *name, const char *value);

/* What the operator decides. */
typedef struct {
        const char *origin; /* of every urlLink: scheme://host[:port] */
        TgMailboxLimits limits;
        gint64 default_life_s;
        gint64 max_life_s;
        gint64 told_s;           /* how long the two claims hear who ended it; 0: never */
        const TgPushRules *push; /* NULL: nobody is woken */
        /* Demanded with each create; NULL: nothing. Only tg_api_call_new() looks at it: it may be
         * another by the time a call is executed. */
        const TgAttestation *attestation;
} TgApi;

typedef enum { TG_GIVEN_NOT, TG_GIVEN, TG_GIVEN_MALFORMED } TgGiven;

/* What it asks, and then its answer. */
typedef struct {
        TgOperation operation;
        guint8 id[TG_ID_BYTES]; /* of a resource: the first half of resource_id */
        TgGiven is_claim_given;
        guint8 claim[TG_UUID_BYTES];
        TgGiven is_request_given;
        guint8 request[TG_UUID_BYTES];
        TgGiven is_verifier_given;
        guint8 verifier[TG_PROOF_BYTES];
        TgGiven is_proof_given;
        guint8 proof[TG_PROOF_BYTES];
        char *if_match;
        char *if_none_match;
        guint wait_s;
        gboolean wants_json;
        TgLanguage language; /* of the preview page; used for the answer, never kept */
        TgMailboxRequest body;
        guint8 resource_id[TG_RESOURCE_ID_BYTES];
        TgGiven is_lock_given; /* to be asked for by the first reader */
        GBytes *octets;        /* of a resource that is put; NULL: none */
        gint64 expires_s;      /* of the mailbox to be made or, once held, of the one waited for */
        TgAttested attested;
        TgSpent spent;   /* of one that is good */
        char *challenge; /* to one that is refused, or was spent before */

        gboolean is_refused;                  /* answered by the checks of tg_api_call_new() */
        guint8 claim_digest[TG_DIGEST_BYTES]; /* from tg_api_execute() on */
        gboolean is_held;      /* the caller's word: it waits, and its claim binds no more */
        gboolean is_wait_over; /* the caller's word: answer with what there is */
        gboolean has_changed;  /* who waits for this mailbox should look again */
        gboolean is_push_on;   /* this relay wakes devices … */
        gboolean is_push_told; /* … also by the token that came with this, if one did */
        TgSide woken;          /* who is to be woken once this is durable; NOBODY: nobody */
        gboolean is_end;       /* … of the end, by @token; else by the one in the store */
        TgSide side;           /* of FIND_TOKEN and FORGET_TOKEN */
        TgToken token;         /* of these two, and of the end */
        TgAnswer answer;
        gpointer user_data;
} TgApiCall;

/* Checks up to and including the body. When it is refused, its answer is there. */
TgApiCall *tg_api_call_new(const TgApi *api, const TgHttpRequest *http, gint64 now_s);
/* The relay's own: FIND_TOKEN sets the token of @side (type NULL: there is none); FORGET_TOKEN
 * removes @token (it is taken), unless another is in its place by now. */
TgApiCall *tg_api_call_new_own(TgOperation operation,
                               const guint8 id[TG_ID_BYTES],
                               TgSide side,
                               TgToken *token);
void tg_api_call_free(TgApiCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgApiCall, tg_api_call_free)
