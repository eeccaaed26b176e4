/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One exchange seen from this side. Runs the session table: performs its actions
 * and feeds each outcome back as one event; saves before it sends, and before it tells.
 * Knows no bus: an observer is told what has changed.
 */

#include <glib.h>

#include "daemon/vertical.h"
#include "daemon/wallet.h"
#include "protocol/bounds.h"
#include "protocol/error.h"
#include "protocol/link.h"
#include "protocol/session.h"

typedef struct TgShare TgShare;

typedef enum {
        TG_ENDED_NOT,
        TG_ENDED_SELF,
        TG_ENDED_PEER,
        TG_ENDED_RELAY,
        TG_ENDED_TIME,
} TgEndedBy;

/* What has changed, for PropertiesChanged. */
typedef enum {
        TG_SHARE_STATE = 1 << 0,
        TG_SHARE_FORMAT = 1 << 1,
        TG_SHARE_TITLE = 1 << 2, /* title, description, whether verified */
        TG_SHARE_RELAY = 1 << 3,
        TG_SHARE_MODE = 1 << 4,
        TG_SHARE_EXPIRES = 1 << 5,
        TG_SHARE_FAILURE = 1 << 6,
        TG_SHARE_CREDENTIAL = 1 << 7,
        TG_SHARE_APPLICATION = 1 << 8,
        TG_SHARE_PIN = 1 << 9, /* tries left */
        TG_SHARE_DETAILS = 1 << 10,
        TG_SHARE_GRANT = 1 << 11,
        TG_SHARE_RECEIPT = 1 << 12,
        TG_SHARE_LENT = 1 << 13, /* what is out, and until when */
} TgShareChange;
#define TG_SHARE_ALL ((1 << 14) - 1)

/* A credential that has arrived and is in the keyring: the owner of credentials
 * saves it in the transaction that is open, or fails. */
typedef struct {
        const char *id;
        const char *format;
        const char *title;
        const char *description;
        const char *kind;
        const char *issuer;
        gint64 not_before_s;
        gint64 not_after_s;
        TgBounds bounds;
        GVariant *details;    /* a(ss); NULL: none */
        GVariant *attributes; /* a{ss} that came with an item; NULL: none */
} TgArrival;

typedef struct {
        void (*changed)(TgShare *share, TgShareChange changes, gpointer user_data);
        void (*ended)(TgShare *share, gpointer user_data);
        gboolean (*arrived)(TgShare *share,
                            const TgArrival *arrival,
                            GError **error,
                            gpointer user_data);
        /* After the transaction. */
        void (*arrival_saved)(TgShare *share, const char *credential_id, gpointer user_data);
        /* Of the credential that is shared on so many uses go along: stored in the transaction that
         * is open, or refused; then, after the transaction. */
        gboolean (*take_uses)(TgShare *share,
                              const char *credential_id,
                              guint32 n_uses,
                              GError **error,
                              gpointer user_data);
        void (*uses_taken)(TgShare *share,
                           const char *credential_id,
                           guint32 n_uses,
                           gpointer user_data);
        /* Another share of the same link runs or is completed, or the link has ended:
         * FALSE with the error that says so. Asked once the state key is there. */
        gboolean (*may_claim)(TgShare *share,
                              const guint8 digest[32],
                              GError **error,
                              gpointer data);
        /* Initiator: the running share that follows this one; NULL: there is none. */
        TgShare *(*find_sequel)(TgShare *share, gpointer user_data);
        /* Makes it; the share goes on when there is a link to it, or it has failed. */
        gboolean (*make_sequel)(TgShare *share,
                                const TgSequel *sequel,
                                guint life_s,
                                GError **error,
                                gpointer user_data);
} TgShareOwner;

/* What a new share of an initiator is made of; everything is copied or referenced. */
typedef struct {
        const TgVertical *vertical;
        const char *kind;
        GVariant *terms;        /* a{sv}, of a vertical that makes what is shared; NULL: a copy */
        const char *subject;    /* as the vertical calls what is given; NULL: a copy */
        GVariant *details;      /* a(ss) for people; NULL: none */
        TgSecret *content;      /* NULL: the item is read when the keyring is there */
        const char *item_path;  /* or */
        GHashTable *attributes; /* a{ss}, for an item that is still to be read */
        const char *const *travel; /* names of its attributes that travel; NULL: none */
        const char *label;         /* with the content */
        GVariant *item_attributes; /* likewise: a{ss}, of them alone; NULL: none */
        const char *content_type;
        const char *title;
        const char *description;
        const char *image_url;
        const char *relay;    /* origin */
        const char *template; /* plain HTTP; NULL: a mailbox */
        guint life_s;
        gboolean is_compat;
        guint pin_digits; /* with the check digit; 0: no PIN */
        gboolean has_public_title;
        char letter;        /* 0: none */
        const char *person; /* as the user calls the other side; NULL: nobody knows */
        gint64 over_s;      /* what is made is good until then; 0: no end is known */
        TgBounds bounds;
        const char *source_id; /* of the credential that is shared on; NULL: none */
        const char *application;
        const char *starter; /* unique name of the connection */
} TgShareOffer;

/* Both save the new share, in state authorizing, before they return. */
TgShare *tg_share_new_initiator(TgWallet *wallet,
                                const TgShareOwner *owner,
                                gpointer owner_data,
                                const TgShareOffer *offer,
                                GError **error);
TgShare *tg_share_new_recipient(TgWallet *wallet,
                                const TgShareOwner *owner,
                                gpointer owner_data,
                                const TgLink *link,
                                const char *own_title, /* NULL: the sender's */
                                const char *person,    /* who it is from; NULL: not said */
                                TgSecret *pin,         /* NULL: it is asked for */
                                GVariant *terms,       /* NULL: nothing was said beforehand */
                                const char *application,
                                const char *starter,
                                GError **error);
/* From the store. @detail NULL: not readable (yet). */
TgShare *tg_share_new_stored(TgWallet *wallet,
                             const TgShareOwner *owner,
                             gpointer owner_data,
                             const TgShareRow *row);

/* What follows @after, without anybody's being asked: saved, and past authorizing. The initiator's
 * mailbox is asked for @life_s; the recipient's is the one that @after was told of, NULL without
 * @error: of none, or its vertical wants none. */
TgShare *tg_share_new_sequel(TgShare *after, const TgSequel *sequel, guint life_s, GError **error);
TgShare *tg_share_new_renewal(TgShare *after, GError **error);

TgShare *tg_share_ref(TgShare *self);
void tg_share_unref(TgShare *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgShare, tg_share_unref)
/* Drops everything under way; no callback arrives afterwards. Called by the owner
 * before it lets go. */
void tg_share_stop(TgShare *self);

/* ---- what it is ---- */

const char *tg_share_id(const TgShare *self);
TgRole tg_share_role(const TgShare *self);
TgState tg_share_state(const TgShare *self);
const char *tg_share_state_name(const TgShare *self); /* as shown: also waiting-for-keyring */
gboolean tg_share_is_ended(const TgShare *self);
gboolean tg_share_is_sealed(const TgShare *self); /* stored, and not read yet */
gboolean tg_share_is_busy(const TgShare *self);   /* ended, but something is still to be sent */
const char *tg_share_format(const TgShare *self);
const char *tg_share_title(const TgShare *self);
const char *tg_share_description(const TgShare *self);
const char *tg_share_relay(const TgShare *self);
const char *tg_share_transport(const TgShare *self); /* "" while it is sealed */
const char *tg_share_mode(const TgShare *self);
gboolean tg_share_has_pin(const TgShare *self);
guint tg_share_pin_attempts_left(const TgShare *self);
gint64 tg_share_created_s(const TgShare *self);
gint64 tg_share_expires_s(const TgShare *self);
gint64 tg_share_ended_s(const TgShare *self);
gboolean tg_share_failure(const TgShare *self, TgError *ret_code, const char **ret_text);
const char *tg_share_credential_id(const TgShare *self); /* NULL: none */
const char *tg_share_application(const TgShare *self);
gboolean tg_share_is_title_verified(const TgShare *self);
const TgBounds *tg_share_bounds(const TgShare *self); /* of what is given */
GVariant *tg_share_details(const TgShare *self);      /* a(ss), not a new reference; NULL: none */
/* As the user calls the other side; "": he has not said. No peer and no relay hears of it. */
const char *tg_share_person(const TgShare *self);
/* The other side's own word of its end, which came under the exchange's keys: "completed",
 * "declined", "failed" and when it was read; "" and 0: there was none. */
const char *tg_share_receipt(const TgShare *self, gint64 *ret_time_s);
/* Initiator: "pending", "active", "expired", "revoked" of what is lent, "given" of a copy that has
 * gone out; "": nothing is out by this share. */
const char *tg_share_lent(const TgShare *self);
gboolean tg_share_is_out(const TgShare *self); /* active */
const char *tg_share_ended_by(const TgShare *self);
/* Of shares that follow one another: the id of the first, "" in that one and where there are no
 * others; and of the one before. */
const char *tg_share_grant(const TgShare *self);
const char *tg_share_predecessor(const TgShare *self);
/* The credential whose content it replaces; NULL: it makes one of its own. */
const char *tg_share_renews(const TgShare *self);
gboolean tg_share_has_link(const TgShare *self); /* initiator: others can be told of it */
/* Initiator: something that may be in use, and can be revoked. */
gboolean tg_share_has_lent(const TgShare *self);
gint64
tg_share_over_s(const TgShare *self); /* when that is over by itself; 0: never, or not known */
gboolean tg_share_was_started_by(const TgShare *self, const char *bus_name);
/* The digest of a recipient's link, NULL before it is known. */
const guint8 *tg_share_link_digest(const TgShare *self);
const char *tg_share_mailbox_url(const TgShare *self); /* NULL before it is known */
/* Of a recipient's share that has no digest yet: whether it is of this very link. */
gboolean tg_share_is_of(const TgShare *self, const TgLink *link);
/* Its credential has been removed. */
void tg_share_lose_credential(TgShare *self);

/* ---- what may be done to it ---- */

/* The user has decided; @error says why not, NULL: allowed. */
void tg_share_decide(TgShare *self, const GError *error, gboolean is_interactive);
TgSecret *tg_share_get_invitation(TgShare *self, GError **error);
/* For people, in groups. */
TgSecret *tg_share_get_pin(TgShare *self, GError **error);
/* As it was typed. TG_ERROR_INVALID, and no try is spent, when it cannot be the PIN. */
gboolean tg_share_provide_pin(TgShare *self, const TgSecret *typed, GError **error);
gboolean tg_share_cancel(TgShare *self, const char *reason, GError **error);
gboolean tg_share_decline(TgShare *self, const char *reason, GError **error);
gboolean tg_share_relinquish(TgShare *self, GError **error);
/* What was lent is taken back. @func is called once, from inside or later, with @error NULL on
 * success; @destroy always, also where the share goes before. */
typedef void (*TgRevokedFunc)(const GError *error, gpointer user_data);
void tg_share_revoke(TgShare *self, TgRevokedFunc func, gpointer user_data, GDestroyNotify destroy);
/* It is kept while one of its grant is under way. */
void tg_share_begin_revoking(TgShare *self);
void tg_share_end_revoking(TgShare *self);
gboolean tg_share_may_forget(const TgShare *self, GError **error);
/* Enters in the log that the user forgets it, in the transaction that is open. */
gboolean tg_share_log_forgotten(const TgShare *self, GError **error);

/* What tells one link from another: its mailbox and its secret. */
TgSecret *tg_share_link_identity(const char *mailbox_url, const TgSecret *secret, GError **error);

/* ---- what happens around it ---- */

/* The state key is there: a link that ended before that is remembered now. */
void tg_share_remember_link(TgShare *self);

/* The state key is there: @detail as stored (NULL: nothing sealed), @error when the
 * row was tampered with. Goes on where it was, as tg_share_resume() does. */
void tg_share_unsealed(TgShare *self,
                       const TgShareRow *row,
                       TgSecret *detail,
                       const GError *error,
                       gboolean is_alone);
/* Initiator: what was to follow it could not be made. */
void tg_share_sequel_failed(TgShare *self, gboolean is_final);
/* Does now what is next. */
void tg_share_go_on(TgShare *self);
/* What waits for the keyring is tried again; all else keeps its time. */
void tg_share_keyring_changed(TgShare *self);
/* Network or state key are there again, for all shares at once. Where it is not the
 * only one it goes on by a clock of its own: a relay that is asked for two mailboxes
 * at one moment knows that they are one device's. */
void tg_share_resume(TgShare *self, gboolean is_alone);
/* Ends it when its time is up. */
void tg_share_check_time(TgShare *self, gint64 now_s);
/* When it wants tg_share_check_time() next; 0: never. */
gint64 tg_share_deadline_s(const TgShare *self);
