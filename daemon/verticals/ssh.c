/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.ssh.certificate: the recipient makes a key that never leaves him, the initiator signs
 * it with his certificate authority's. All work on keys is ssh-keygen's.
 *
 *      offer     {ca, principals, keyId, validAfter, validBefore, …}   what will be signed
 *      request   {publicKey, proof}                                    proof: SSHSIG over the
 * statement answer    {certificate}
 */

#include "daemon/verticals/ssh.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/verticals/offer.h"
#include "protocol/bytes.h"
#include "protocol/error.h"

TgSshJob *
tg_ssh_job_new(TgStep *step)
{
        g_autoptr(GError) error = NULL;
        TgWorkplace *place = tg_workplace_new(&error);
        TgSshJob *self;

        if (place == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return NULL;
        }
        self = g_new0(TgSshJob, 1);
        self->step = tg_step_ref(step);
        self->place = place;
        self->lock_fd = -1;
        return self;
}

void
tg_ssh_job_free(TgSshJob *self)
{
        if (self == NULL)
                return;
        if (self->lock_fd >= 0)
                close(self->lock_fd);
        tg_workplace_free(self->place);
        tg_ssh_grant_clear(&self->grant);
        g_free(self->key);
        g_free(self->agent);
        g_free(self->krl);
        tg_step_unref(self->step);
        g_free(self);
}

void
tg_ssh_job_fail(TgSshJob *self, GError *error)
{
        tg_step_fail(self->step, error);
        tg_ssh_job_free(self);
}

void
tg_ssh_job_run(TgSshJob *self, const char *const *argv, const char *input, TgToolFunc func)
{
        tg_workplace_run(
                self->place, argv, input, self->agent, tg_step_cancellable(self->step), func, self);
}

void
tg_ssh_job_run_with_pin(TgSshJob *self,
                        const char *const *argv,
                        const TgSecret *pin,
                        TgToolFunc func)
{
        if (pin == NULL)
                tg_ssh_job_run(self, argv, NULL, func);
        else
                tg_workplace_run_with_pin(
                        self->place, argv, pin, tg_step_cancellable(self->step), func, self);
}

gboolean
tg_ssh_take_agent(TgSshJob *self, GError **error)
{
        GVariant *options = tg_step_context(self->step)->terms;
        const char *own = g_getenv("SSH_AUTH_SOCK");

        if (!g_variant_lookup(options, "agent", "s", &self->agent) && own != NULL && own[0] == '/')
                self->agent = g_strdup(own);
        if (self->agent != NULL)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "the wallet knows of no ssh-agent: name its socket as \"agent\"");
        return FALSE;
}

char *
tg_ssh_read_public_key(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char buffer[TG_SSH_MAX_KEY_CHARS + 1] = {0};
        struct stat status;
        gssize n = -1;

        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
                n = read(fd, buffer, sizeof buffer - 1);
        if (fd >= 0)
                close(fd);
        return n > 0 ? tg_ssh_key_of_line(buffer) : NULL;
}

gboolean
tg_ssh_is_regular(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

char *
tg_ssh_statement(const TgStepContext *context, GError **error)
{
        g_autofree char *hex = NULL;
        gsize n_bytes;
        const guint8 *bytes;

        if (context->binding == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "nothing can be proved in this exchange: the other wallet is too old");
                return NULL;
        }
        bytes = tg_secret_get(context->binding, &n_bytes);
        hex = tg_hex_encode(bytes, n_bytes);
        return g_strconcat(
                "I hold this key, and ask for a certificate in the exchange\n", hex, "\n", NULL);
}

static void
receive(TgStep *step)
{
        if (tg_step_context(step)->role == TG_ROLE_INITIATOR)
                tg_ssh_sign(step);
        else
                tg_ssh_hold(step);
}

static const char *const kinds[] = {"lend", NULL};
/* Who wins the race to a link without one gets a certificate for a key of his own. */
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

static const TgTermKey terms[] = {
        {"ca",             "p",  4096                    },
        {"agent",          "p",  1024                    },
        {"pkcs11",         "p",  4096                    },
        {"pkcs11-pin",     "p",  4096                    },
        {"principals",     "as", TG_SSH_MAX_NAME_BYTES   },
        {"key-id",         "s",  TG_SSH_MAX_KEY_ID_BYTES },
        {"valid-for",      "u",  0                       },
        {"not-before",     "t",  0                       },
        {"not-after",      "t",  0                       },
        {"source-address", "s",  TG_SSH_MAX_ADDRESS_BYTES},
        {"force-command",  "s",  TG_SSH_MAX_COMMAND_BYTES},
        {"permit",         "as", TG_SSH_MAX_NAME_BYTES   },
        {"krl",            "p",  4096                    },
        {NULL,             NULL, 0                       },
};

static const TgTarget targets[] = {
        {"ssh-agent",
         "adds the private key and its certificate to your ssh-agent, which forgets them when the "
         "certificate is over", tg_ssh_agent_options,
         tg_ssh_use_agent                                 },
        {NULL,        NULL,     NULL,                 NULL},
};

const TgVertical tg_vertical_ssh = {
        .format = TG_SSH_FORMAT,
        .name = "SSH user certificate",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_TERMS,
        .terms = terms,
        .own = tg_ssh_own_terms,
        .check_own = tg_ssh_check_own,
        .check = tg_ssh_check,
        .begin = tg_offer_begin,
        .receive = receive,
        .revoke = tg_ssh_revoke,
        .targets = targets,
};
