/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is to be shared, and how: the options of "tigressctl share", or a person's
 * answers, made into the arguments of the wallet's method.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/share-limits.h"
#include "cli/terms.h"
#include "protocol/secret.h"

#define TG_FORMAT_TOKEN "digitalwallet.generic.authorizationToken"
#define TG_FORMAT_ITEM "org.tigress.secret.item"
#define TG_FORMAT_SSH "org.tigress.ssh.certificate"
#define TG_FORMAT_WIFI "org.tigress.wifi.network"
#define TG_FORMAT_X509 "org.tigress.x509.certificate"

typedef struct {
        /* as given; NULL or FALSE where nothing was */
        const char *format;
        const char *title;
        const char *person;
        const char *description;
        const char *image_url;
        const char *relay;
        const char *transport;
        const char *template;
        const char *expires_in;
        const char *kind;
        const char *vertical_letter;
        gboolean is_compat;
        gboolean with_pin;
        gboolean without_pin;
        const char *pin_digits;
        const char *pin_output;
        gboolean is_public;
        const char *item;
        GPtrArray *attributes; /* "NAME=VALUE" */
        GPtrArray *travel;     /* names of the item's attributes that go with it */
        const char *credential;
        const char *content_file;
        const char *content_fd;
        gboolean content_stdin;
        TgTerms terms; /* of what is lent */
        TgShareLimits limits;

        TgSecret *content;  /* once it has been read */
        GPtrArray *answers; /* owns what a person typed */
} TgShareRequest;

/* Whether anything says what is to be shared. */
gboolean tg_share_request_has_source(const TgShareRequest *self);

/* Options that contradict each other or mean nothing: TG_ERROR_INVALID. */
gboolean tg_share_request_check(const TgShareRequest *self, GError **error);

/* Asks a person for what is missing. */
gboolean tg_share_request_ask(TgShareRequest *self, GError **error);

/* Reads the content from where it comes; a person is asked without echo. */
gboolean tg_share_request_read(TgShareRequest *self, GError **error);

/* What protects the share: what the options say, else what the wallet's rule for the format
 * is, which a person who @is_guided may change. */
typedef enum {
        TG_PROTECTION_COMPAT, /* the link, in a form that all wallets understand */
        TG_PROTECTION_LINK,
        TG_PROTECTION_PIN, /* link and PIN */
} TgProtection;

gboolean tg_share_request_protect(TgShareRequest *self,
                                  TgClient *client,
                                  gboolean is_guided,
                                  TgProtection *ret_protection,
                                  GError **error);

/* Says on stderr what will happen with the user's consent. */
void tg_share_request_explain(const TgShareRequest *self,
                              TgProtection protection,
                              const char *preset_relay);

/* Starts the share, which asks the user, and returns its path. */
char *tg_share_request_send(const TgShareRequest *self, TgClient *client, GError **error);

void tg_share_request_clear(TgShareRequest *self);
