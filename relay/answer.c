/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/answer.h"

#include <string.h>

#include "protocol/mailbox.h"

typedef struct {
        guint status;
        const char *type;
        const char *sentence;
} ProblemInfo;

/* In the order of TgProblem. A wrong claim, a missing right and a wrong proof are
 * one sentence on purpose: which of them it was is nobody's business. */
static const ProblemInfo problem_infos[] = {
        {400, "malformed",    "the request is malformed"                                   },
        {401, "unauthorized", "this claim has no right to that"                            },
        {404, "not-found",    "there is no such mailbox"                                   },
        {404, "cancelled",    "the mailbox was deleted by the device that made it"         },
        {404, "completed",    "the mailbox was deleted by the device that received it"     },
        {404, "expired",      "the time of the mailbox is up"                              },
        {405, "method",       "this method is not for this address"                        },
        {409, "conflict",     "what the recipient wrote last is still in the mailbox"      },
        {412, "version",      "the payload has changed since: read it first"               },
        {413, "too-large",    "the request is larger than this relay takes"                },
        {415, "media-type",   "the body must be application/json"                          },
        {429, "limited",      "too many requests: come again after the time in Retry-After"},
        {503, "unavailable",  "the relay cannot answer now: come again a little later"     },
};
G_STATIC_ASSERT(G_N_ELEMENTS(problem_infos) == TG_N_PROBLEMS);

void
tg_answer_clear(TgAnswer *self)
{
        g_clear_pointer(&self->body, g_free);
        g_clear_pointer(&self->challenge, g_free);
        memset(self, 0, sizeof *self);
}

void
tg_answer_set(TgAnswer *self, guint status, const char *content_type, char *body)
{
        char request_id[sizeof self->request_id];
        const char *attestation = self->attestation;

        memcpy(request_id, self->request_id, sizeof request_id);
        tg_answer_clear(self);
        memcpy(self->request_id, request_id, sizeof request_id);
        self->attestation = attestation;
        self->status = status;
        self->body = body;
        self->n_body = body ? strlen(body) : 0;
        self->content_type = body ? content_type : NULL;
}

void
tg_answer_set_octets(TgAnswer *self, guint status, GBytes *octets)
{
        gsize n_bytes;
        const void *bytes = g_bytes_get_data(octets, &n_bytes);
        char *body = g_malloc(n_bytes + 1);

        if (n_bytes > 0)
                memcpy(body, bytes, n_bytes);
        body[n_bytes] = '\0';
        tg_answer_set(self, status, "application/octet-stream", body);
        self->n_body = n_bytes;
}

void
tg_answer_set_problem(TgAnswer *self, TgProblem problem, const char *detail)
{
        const ProblemInfo *info = &problem_infos[problem];

        tg_answer_set(self,
                      info->status,
                      "application/problem+json",
                      tg_mailbox_format_problem(
                              info->type, detail ? detail : info->sentence, info->status));
        if (problem == TG_PROBLEM_UNAVAILABLE)
                self->retry_after_s = TG_UNAVAILABLE_RETRY_S;
}
