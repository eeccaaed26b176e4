/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A CreateShare that is being read and made ready: create-bus.c, create-options-bus.c. */

#include "daemon/options-bus.h"
#include "daemon/value.h"
#include "daemon/wallet-bus.h"
#include "protocol/bounds.h"

typedef struct {
        TgWalletBus *bus;
        TgCall *call;
        TgValueRead *read;
        TgKeyringJob *job;
        TgStep *step;

        const TgVertical *vertical;
        TgValue *content_value;
        GVariant *terms; /* a{sv} */
        char *subject;
        GVariant *details;
        TgSecret *content;
        char *credential_id; /* of Credential.Share */
        char *item_path;
        GHashTable *attributes;
        char *label;
        char *content_type;
        char **travel;
        GVariant *item_attributes; /* a{ss} of those that travel */

        char *title;
        char *person;
        gint64 over_s;
        char *name; /* what the vertical calls it */
        char *description;
        char *image_url;
        char *relay;
        char *kind;
        char *transport;
        char *template;
        char *letter;
        TgBounds bounds; /* of what is given */
        guint n_uses;    /* of them; G_MAXUINT: not said */
        gboolean may_reshare;
        guint expires_in;
        guint pin_digits;
        gboolean is_compat;
        gboolean has_pin; /* -1: not said */
        gboolean has_public_title;
        gboolean does_wait;
} TgCreate;

/* The dictionaries, and what is wrong with them: TG_ERROR_INVALID names the key. */
gboolean tg_create_read_credential(TgCreate *self, sd_bus_message *message, GError **error);
gboolean tg_create_read_options(TgCreate *self, sd_bus_message *message, GError **error);
gboolean tg_create_check_options(TgCreate *self, GError **error);
gboolean tg_create_is_drop(const TgCreate *self); /* over plain HTTP */
