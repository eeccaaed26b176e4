/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an SSH user certificate grants (PROTOCOL.certkeys of OpenSSH): consented to on one side,
 * told to the other, and found again in the certificate, all of it the same.
 */

#include <glib.h>

#include "daemon/step.h"
#include "protocol/json.h"

#define TG_SSH_MAX_PRINCIPALS 16
#define TG_SSH_MAX_NAME_BYTES 64
#define TG_SSH_MAX_KEY_ID_BYTES 128
#define TG_SSH_MAX_KEY_CHARS 4096
#define TG_SSH_MAX_COMMAND_BYTES 1024
#define TG_SSH_MAX_ADDRESS_BYTES 512

typedef struct {
        char *ca;            /* public key, "TYPE BASE64" */
        GStrv principals;    /* in their order */
        char *key_id;        /* which sshd logs */
        guint64 valid_after; /* Unix seconds */
        guint64 valid_before;
        char *source_address; /* NULL: from anywhere */
        char *force_command;  /* NULL: any */
        guint permits;        /* bits of tg_ssh_permit_names */
} TgSshGrant;

/* What `permit` can name, in the order of their extensions' bits; NULL-terminated. */
extern const char *const tg_ssh_permit_names[];
/* The extensions that stand for them in a certificate. */
extern const char *const tg_ssh_extensions[];

void tg_ssh_grant_clear(TgSshGrant *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgSshGrant, tg_ssh_grant_clear)

/* Every part has its form: names without separators, a time that ends after it begins. */
gboolean tg_ssh_grant_check(const TgSshGrant *self, GError **error);
gboolean tg_ssh_grant_equal(const TgSshGrant *self, const TgSshGrant *other);

/* Members of a JSON object, without the braces. */
void tg_ssh_grant_append(const TgSshGrant *self, GString *json);
/* TG_ERROR_INVALID for what is missing or malformed. */
gboolean tg_ssh_grant_parse(const TgJson *object, TgSshGrant *ret_grant, GError **error);

/* For people. */
void tg_ssh_grant_show(const TgSshGrant *self, TgStep *step);

/* FALSE: one of @names is none of tg_ssh_permit_names. */
gboolean tg_ssh_permits_of(const char *const *names, guint *ret_permits);

/* "TYPE BASE64[ COMMENT]" of a file or line, as "TYPE BASE64"; NULL: it is none. */
char *tg_ssh_key_of_line(const char *line);
/* The octets behind it; NULL: its base64 or its type are wrong. */
GBytes *tg_ssh_key_blob(const char *key);
/* "SHA256:…" */
char *tg_ssh_fingerprint(const char *key);
