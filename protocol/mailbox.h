/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Requests and answers of the relay's API (draft-vinokurov-tigress-http-00), both
 * sides: header names, bodies, problem types, limits. Parses and formats; sends nothing.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/timestamp.h"

#define TG_HEADER_CLAIM "Mailbox-Device-Claim"
#define TG_HEADER_REQUEST_ID "Mailbox-Request-ID"
#define TG_HEADER_ATTESTATION "Mailbox-Device-Attestation"
#define TG_HEADER_VERIFIER "Mailbox-Claim-Verifier"
#define TG_HEADER_PROOF "Mailbox-Claim-Proof"
#define TG_HEADER_READER_LOCK "Mailbox-Reader-Lock" /* of the plain-HTTP transport */
#define TG_READER_LOCK_REQUIRED "required"
#define TG_HEADER_EXPIRES_IN "Expires-In" /* seconds */
#define TG_MAILBOX_PATH "/v1/m"
#define TG_RESOURCE_PATH "/v1/t"
#define TG_EXTENSION_CLAIM_PROOF "claim-proof"
#define TG_PROOF_BYTES 32
#define TG_PROOF_CHARS 43

typedef enum {
        TG_RIGHT_READ = 1 << 0,
        TG_RIGHT_WRITE = 1 << 1,
        TG_RIGHT_DELETE = 1 << 2,
} TgRights;

typedef struct {
        char *title;
        char *description;
        char *image_url;
} TgDisplay;

void tg_display_clear(TgDisplay *display);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgDisplay, tg_display_clear)

/* A notification token; type NULL when there is none. */
typedef struct {
        char *type;
        char *data;
} TgToken;

void tg_token_clear(TgToken *token);

/* What a request body asks. payload is the payload object as text, rebuilt from
 * type and data alone, so that nothing else is stored. */
typedef struct {
        char *payload;
        TgDisplay display;
        TgToken token;
        TgRights rights;
        gint64 expiration_s; /* Unix seconds; 0: not asked */
} TgMailboxRequest;

void tg_mailbox_request_clear(TgMailboxRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgMailboxRequest, tg_mailbox_request_clear)

/* The most that the relay takes; defaults in limits.h. */
typedef struct {
        gsize max_sealed_bytes;
        gsize max_title_bytes;
        gsize max_description_bytes;
        gsize max_image_url_bytes;
        gsize max_token_bytes;
        gsize max_resource_bytes; /* of the plain-HTTP transport */
} TgMailboxLimits;
extern const TgMailboxLimits tg_mailbox_limits_default;

/* Relay's side. TG_ERROR_INVALID (400) or TG_ERROR_LIMIT_REACHED (413). Whether
 * an expiration is allowed now is the caller's business: there is no clock here. */
gboolean tg_mailbox_parse_create(const char *body,
                                 gsize n_bytes,
                                 const TgMailboxLimits *limits,
                                 TgMailboxRequest *ret_request,
                                 GError **error);
gboolean tg_mailbox_parse_update(const char *body,
                                 gsize n_bytes,
                                 const TgMailboxLimits *limits,
                                 TgMailboxRequest *ret_request,
                                 GError **error);
/* Body of a read: empty, or with a token. */
gboolean tg_mailbox_parse_read(const char *body,
                               gsize n_bytes,
                               const TgMailboxLimits *limits,
                               TgMailboxRequest *ret_request,
                               GError **error);

char *tg_mailbox_format_created(const char *url_link, gboolean is_push, gboolean has_claim_proof);
char *tg_mailbox_format_read(const char *payload, const TgDisplay *display, gint64 expiration_s);
char *tg_mailbox_format_updated(gboolean is_push);
char *tg_mailbox_format_preview(const TgDisplay *display, gint64 expiration_s);
/* application/problem+json; @type one of the relay's words ("malformed", "not-found" …). */
char *tg_mailbox_format_problem(const char *type, const char *title, guint status);

/* Client's side. */
char *tg_mailbox_format_create(const char *payload,
                               const TgDisplay *display,
                               TgRights rights,
                               gint64 expiration_s);
char *tg_mailbox_format_update(const char *payload);

typedef struct {
        char *url_link;
        gboolean has_claim_proof; /* the relay honours it */
} TgMailboxCreated;
void tg_mailbox_created_clear(TgMailboxCreated *created);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgMailboxCreated, tg_mailbox_created_clear)

typedef struct {
        TgJson payload;      /* object or string; points into the body */
        TgDisplay display;   /* as it came: clean before showing */
        gint64 expiration_s; /* 0: not said */
} TgMailboxContent;
void tg_mailbox_content_clear(TgMailboxContent *content);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgMailboxContent, tg_mailbox_content_clear)

/* What a relay answers is data of a stranger: TG_ERROR_TAMPERED when malformed. */
gboolean
tg_mailbox_parse_created(const char *body, gsize n_bytes, TgMailboxCreated *ret, GError **error);
gboolean
tg_mailbox_parse_content(const char *body, gsize n_bytes, TgMailboxContent *ret, GError **error);
/* The JSON preview, or for other relays the Open Graph meta tags in HTML. */
gboolean tg_mailbox_parse_preview(const char *body,
                                  gsize n_bytes,
                                  gboolean is_json,
                                  TgDisplay *ret_display,
                                  gint64 *ret_expiration_s,
                                  GError **error);
/* The type of a problem document (last path segment of a URI type), NULL when unreadable. */
char *tg_mailbox_parse_problem(const char *body, gsize n_bytes);

/* `"VERSION"`, a strong entity tag of digits; FALSE otherwise. */
gboolean tg_etag_parse(const char *text, guint64 *ret_version);
