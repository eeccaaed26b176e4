/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A kind of credential: what travels, in how many messages, what is checked before anything is
 * kept, and what revoking does. A share runs it without knowing which one it is:
 *
 *      initiator   check → (the user's yes) → begin → [receive]… → revoke
 *      recipient                              receive → [receive]… → (keyring) → provision
 *
 * Each is a step (step.h): durable, repeatable, with a deadline. Messages alternate; the first is
 * the initiator's. A vertical never sees link, key or relay, and what it signs is what was
 * consented to: the terms that its check gave back. Nothing is half-accepted, and nothing of the
 * user's changed: that takes a further act of his, which names a target.
 */

#include <glib.h>

#include "daemon/sequel.h"
#include "daemon/step.h"
#include "protocol/cxf.h"

/* Where what is shared comes from. */
typedef enum {
        TG_SOURCE_CONTENT, /* the caller hands the content over: key `content` */
        TG_SOURCE_ITEM,    /* an item of the Secret Service: key `item` or `attributes` */
        TG_SOURCE_TERMS,   /* it is made: the keys of `terms` say how */
} TgSource;

/* Whether a spoken PIN protects a share besides the link. The user may always ask for one. */
typedef enum {
        TG_PIN_OPTIONAL, /* not unless the user says so */
        TG_PIN_DEFAULT,  /* unless the user says no */
        TG_PIN_REQUIRED, /* neither shared nor accepted without */
} TgPinRule;

/* A key of CreateShare's dictionary: of TG_SOURCE_TERMS, and what may stand in the place of
 * `content` of TG_SOURCE_CONTENT. */
typedef struct {
        const char *name; /* NULL ends the table */
        /* "s", "u", "t", "b", "as"; "p": an "s" that is the whole path of something of the user's,
         * "n": an "s" that names it otherwise, which a sandboxed program may not: it would find out
         * what there is, and have the wallet use, load or write what it cannot reach itself. */
        const char *signature;
        gsize n_max; /* of a text, or of each of them: octets; of "t": nothing */
} TgTermKey;

/* What a credential that is in the keyring can be put to use by, when the user asks for just that.
 * It adds: nothing of the user's is overwritten, or shadowed by something of the same name. */
typedef struct {
        const char *name;         /* NULL ends the table */
        const char *changes;      /* a sentence for people: what of theirs it will change */
        const TgTermKey *options; /* NULL: none */
        TgStepRun use;            /* asked for again, it does the same once more, or nothing */
} TgTarget;

struct TgVertical {
        const char *format;
        const char *name;         /* for people */
        const char *const *kinds; /* the first is the default */
        const TgPinRule *pins;    /* for each kind */
        char letter;              /* the link's v parameter; draft-vinokurov-tigress-http-00 */
        TgSource source;
        const TgTermKey *terms; /* of TG_SOURCE_TERMS; others: NULL, or instead of what is given */
        /* One message, made (but of terms) and taken without waiting and without an effect outside:
         * what comes of it is stored in the same flush with what has arrived. Else the message is
         * stored before the vertical gets to see it. */
        gboolean is_prompt;

        /* What a recipient may say beforehand, in keys that no other format has, and what is made
         * of it (a CHECK) before anything is claimed; its terms are with all his steps. NULL:
         * nothing. */
        const TgTermKey *own;
        TgStepRun check_own;

        TgStepRun check; /* of terms, and of all that is not prompt */
        TgStepRun begin; /* with `given` where there are no terms */
        TgStepRun receive;
        TgStepRun provision; /* NULL: the keyring is all */
        TgStepRun revoke;    /* NULL: what was given cannot be taken back */
        /* Initiator: what follows a share of @terms that is answered at @now_s, and with which
         * terms; FALSE: nothing, it is the last. It asks nobody, so it stays within what was
         * consented to with @terms. NULL: nothing ever does. */
        gboolean (*sequel)(GVariant *terms, gint64 now_s, TgSequel *ret_sequel);

        /* Other forms than that of the keyring, sealed with a passphrase, in which the recipient
         * may have what he holds; both NULL: none. */
        const char *const *exports;
        TgSecret *(*export)(const TgSecret *content,
                            const char *as,
                            const TgSecret *passphrase,
                            GError **error);
        /* Likewise an item of a credential exchange, in the clear: named and dated by @label,
         * unless it is one already. NULL: there is none of this kind. */
        TgSecret *(*to_cxf)(TgSecret *content, const TgCxfLabel *label, GError **error);

        const TgTarget *targets; /* NULL: none */
};

/* Known by name, and handled by other programs alone. */
#define TG_CAR_KEY_FORMAT "digitalwallet.carkey.ccc"

const TgVertical *tg_vertical_find(const char *format); /* NULL: unknown */
const TgVertical *const *tg_verticals(void);            /* NULL-terminated */
/* One that is not built in; it lives as long as the process, also when it is registered no more.
 * FALSE, with TG_ERROR_INVALID and a sentence about it: the format or the letter is taken, or the
 * exchange's own. */
gboolean tg_vertical_register(const TgVertical *self, GError **error);
/* All that are not built in go: what runs with one of them waits until it is back. */
void tg_verticals_unregister(void);
/* Whether something here has this letter; 0, the link does not say, counts as there. */
gboolean tg_vertical_has_letter(char letter, GError **error);
/* TG_ERROR_INVALID: nothing here has @format. It says which kind of program is missing. */
void tg_vertical_set_unknown(const char *format, GError **error);
/* `own` of all of them. */
const TgTermKey *tg_vertical_own_terms(void);
/* NULL, with TG_ERROR_INVALID: @terms (a{sv} of those) are not one format's. */
const TgVertical *tg_vertical_of_own_terms(GVariant *terms, GError **error);
const TgTarget *tg_vertical_target(const TgVertical *self, const char *name); /* NULL: unknown */
gboolean tg_vertical_has_kind(const TgVertical *self, const char *kind);
TgPinRule tg_vertical_pin_rule(const TgVertical *self, const char *kind);
/* Of any kind: a recipient cannot know which one it is. */
gboolean tg_vertical_requires_pin(const TgVertical *self);

extern const TgVertical tg_vertical_cxf;
extern const TgVertical tg_vertical_generic;
extern const TgVertical tg_vertical_keyring_item;
extern const TgVertical tg_vertical_ssh;
extern const TgVertical tg_vertical_totp;
extern const TgVertical tg_vertical_wifi;
extern const TgVertical tg_vertical_x509;
extern const TgVertical tg_vertical_wireguard;
