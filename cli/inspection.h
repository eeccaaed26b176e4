/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a link says before it is claimed: first by itself, then, where its relay is
 * trusted, what the relay says about it.
 */

#include <glib.h>

#include "cli/client.h"
#include "protocol/secret.h"

typedef struct {
        GVariant *facts;     /* a{sv}, as Manager.InspectInvitation answers */
        gboolean is_fetched; /* the relay was asked and has answered */
        GError *fetch_error; /* why it has not, where it was asked */
} TgInspection;

TgInspection *
tg_inspection_new(TgClient *client, const TgSecret *link, gboolean may_fetch, GError **error);
void tg_inspection_free(TgInspection *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgInspection, tg_inspection_free)

const char *tg_inspection_text(const TgInspection *self, const char *name);
gboolean tg_inspection_flag(const TgInspection *self, const char *name);

/* For people: each field through @field. */
void tg_inspection_show(const TgInspection *self,
                        void (*field)(const char *name, const char *value));
/* The JSON line of type "inspection". */
void tg_inspection_print_json(const TgInspection *self);
