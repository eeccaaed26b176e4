/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads an OpenSSH certificate of an Ed25519 key, to see whether it is what was promised. Its
 * signature is checked by ssh-keygen, which also made it. */

#include "daemon/verticals/ssh-grant.h"

typedef struct {
        TgSshGrant grant;
        guint64 serial;
        char *key; /* the public key that it certifies, "ssh-ed25519 BASE64" */
} TgSshCertificate;

void tg_ssh_certificate_clear(TgSshCertificate *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgSshCertificate, tg_ssh_certificate_clear)

/* @line: "TYPE BASE64[ COMMENT]". TG_ERROR_INVALID for anything but a user certificate whose parts
 * are all known: an option or extension that is unknown may force or allow something. */
gboolean
tg_ssh_certificate_parse(const char *line, TgSshCertificate *ret_certificate, GError **error);
