/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the relay answers, before any HTTP library has seen it: a status, a body
 * and the few headers that vary. Problem documents are RFC 9457 and never repeat
 * a claim, a payload or a token.
 */

#include <glib.h>

#include "protocol/bytes.h"

typedef enum {
        TG_PROBLEM_MALFORMED,
        TG_PROBLEM_UNAUTHORIZED,
        TG_PROBLEM_NOT_FOUND,
        TG_PROBLEM_CANCELLED, /* these three are 404, too */
        TG_PROBLEM_COMPLETED,
        TG_PROBLEM_EXPIRED,
        TG_PROBLEM_METHOD,
        TG_PROBLEM_CONFLICT,
        TG_PROBLEM_VERSION,
        TG_PROBLEM_TOO_LARGE,
        TG_PROBLEM_MEDIA_TYPE,
        TG_PROBLEM_LIMITED,
        TG_PROBLEM_UNAVAILABLE,
} TgProblem;
#define TG_N_PROBLEMS (TG_PROBLEM_UNAVAILABLE + 1)

/* How long somebody should stay away from a store in doubt. */
#define TG_UNAVAILABLE_RETRY_S 2

typedef struct {
        guint status;
        char *body; /* NULL: no content */
        gsize n_body;
        const char *content_type;           /* static, NULL without content */
        guint64 version;                    /* ETag; 0: none */
        guint retry_after_s;                /* 0: none */
        guint waited_s;                     /* Preference-Applied: wait=; 0: none */
        const char *allow;                  /* static, NULL: none */
        const char *policy;                 /* Content-Security-Policy: static, NULL: none */
        const char *language;               /* Content-Language: static, NULL: none */
        const char *varies;                 /* Vary: static, NULL: none */
        char *challenge;                    /* WWW-Authenticate; NULL: none */
        const char *attestation;            /* the scheme that creates need: static, NULL: none */
        char request_id[TG_UUID_CHARS + 1]; /* echoed as it came; empty: none */
} TgAnswer;

void tg_answer_clear(TgAnswer *self);

/* Begins anew, but for what the request has made of it: its id, and the scheme. Takes @body
 * (zero-terminated, may be NULL). */
void tg_answer_set(TgAnswer *self, guint status, const char *content_type, char *body);

/* The same with octets of no known type. */
void tg_answer_set_octets(TgAnswer *self, guint status, GBytes *octets);

/* @detail NULL: the problem's own sentence. */
void tg_answer_set_problem(TgAnswer *self, TgProblem problem, const char *detail);
