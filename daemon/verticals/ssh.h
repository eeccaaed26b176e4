/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.tigress.ssh.certificate: the two sides of it, and what they have in common. */

#include "daemon/vertical.h"
#include "daemon/verticals/ssh-grant.h"
#include "daemon/workplace.h"

#define TG_SSH_FORMAT "org.tigress.ssh.certificate"
/* The one kind of key, so that there is one kind of certificate to be read. */
#define TG_SSH_KEY_TYPE "ssh-ed25519 "
#define TG_SSH_MAX_CERTIFICATE_CHARS 8192
#define TG_SSH_MAX_PROOF_CHARS 4096

/* Its step's own part is done, and its folder erased. */
typedef struct {
        TgStep *step;
        TgWorkplace *place;
        TgSshGrant grant;
        char *key;   /* the recipient's public one */
        char *agent; /* socket of an agent: the authority's, or the user's own; NULL: none */
        char *krl;
        guint64 serial;
        int lock_fd;
        guint list_mode;
        guint lifetime_s; /* in the user's agent */
        guint margin_s;
        guint64 until_s;
} TgSshJob;

/* NULL: the step has failed. */
TgSshJob *tg_ssh_job_new(TgStep *step);
void tg_ssh_job_free(TgSshJob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgSshJob, tg_ssh_job_free)
/* The step fails, and the job is done. @error is taken. */
void tg_ssh_job_fail(TgSshJob *self, GError *error);
void tg_ssh_job_run(TgSshJob *self, const char *const *argv, const char *input, TgToolFunc func);

/* The same of what needs a token; @pin NULL: it asks for none. */
void tg_ssh_job_run_with_pin(TgSshJob *self,
                             const char *const *argv,
                             const TgSecret *pin,
                             TgToolFunc func);

/* The agent that the step's `agent` names, or that the wallet knows. */
gboolean tg_ssh_take_agent(TgSshJob *self, GError **error);

gboolean tg_ssh_is_regular(const char *path);
/* "TYPE BASE64" of a regular file alone, or a pipe would hold up everybody; NULL: it is none. */
char *tg_ssh_read_public_key(const char *path);

/* What the holder of a key signs to show that he holds it, in this share; NULL and @error: there is
 * nothing to bind it to. */
char *tg_ssh_statement(const TgStepContext *context, GError **error);

/* Of a file that is the user's alone. TG_ERROR_INVALID; @path is the term `pkcs11-pin`. */
TgSecret *tg_ssh_read_pin(const char *path, GError **error);

/* initiator: ssh-check.c, ssh-sign.c, ssh-revoke.c */
void tg_ssh_check(TgStep *step);
void tg_ssh_sign(TgStep *step);
void tg_ssh_revoke(TgStep *step);
TgSecret *tg_ssh_receipt(const TgSshGrant *grant, guint64 serial, const char *krl, GError **error);
/* recipient: ssh-hold.c, ssh-own.c, ssh-use.c */
void tg_ssh_hold(TgStep *step);
extern const TgTermKey tg_ssh_own_terms[];
void tg_ssh_check_own(TgStep *step);
extern const TgTermKey tg_ssh_agent_options[];
void tg_ssh_use_agent(TgStep *step);
