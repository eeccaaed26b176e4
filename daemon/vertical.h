/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a share needs of a kind of credential. A vertical turns what the user gave
 * into the content that travels, and content that arrived into what is kept,
 * after checking all of it: nothing is half-accepted. It never sees link, key or
 * relay, and changes nothing of the user's.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

typedef enum {
        TG_SOURCE_CONTENT, /* the caller hands the content over: key `content` */
        TG_SOURCE_ITEM,    /* an item of the Secret Service: key `item` or `attributes` */
} TgSource;

/* Whether a spoken PIN protects a share besides the link. The user may always ask for one. */
typedef enum {
        TG_PIN_OPTIONAL, /* not unless the user says so */
        TG_PIN_DEFAULT,  /* unless the user says no */
        TG_PIN_REQUIRED, /* neither shared nor accepted without */
} TgPinRule;

/* What is kept of a credential that arrived. */
typedef struct {
        TgSecret *content;
        char *content_type;
        char *title; /* a name the content brings along; NULL: none. Cleaned. */
} TgProvision;

void tg_provision_clear(TgProvision *provision);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgProvision, tg_provision_clear)

typedef struct {
        const char *format;
        const char *name;         /* for people */
        const char *const *kinds; /* the first is the default */
        const TgPinRule *pins;    /* for each kind */
        char letter;              /* the link's v parameter; draft-vinokurov-tigress-http-00 */
        TgSource source;

        /* The content object's JSON for what the user gave. TG_ERROR_INVALID or
         * TG_ERROR_LIMIT_REACHED when it cannot travel. */
        TgSecret *(*encode)(const TgSecret *given,
                            const char *label,
                            const char *content_type,
                            GError **error);

        /* All or nothing. TG_ERROR_INVALID with a sentence when it is not acceptable. */
        gboolean (*decode)(const TgJson *content, TgProvision *ret_provision, GError **error);
} TgVertical;

const TgVertical *tg_vertical_find(const char *format); /* NULL: unknown */
const TgVertical *const *tg_verticals(void);            /* NULL-terminated */
gboolean tg_vertical_has_kind(const TgVertical *self, const char *kind);
TgPinRule tg_vertical_pin_rule(const TgVertical *self, const char *kind);
/* Of any kind: a recipient cannot know which one it is. */
gboolean tg_vertical_requires_pin(const TgVertical *self);

extern const TgVertical tg_vertical_generic;
extern const TgVertical tg_vertical_keyring_item;
