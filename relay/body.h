/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A request's body while it comes in, and what all of them may take together.
 * A body over its limit is dropped but read to its end, so that its sender gets to
 * see the answer; one far over it is not.
 */

#include <glib.h>

typedef struct {
        gsize n_bytes;   /* of all bodies that are being received */
        gsize max_bytes; /* beyond it a body is dropped, and the answer is 503; 0: 64 MiB */
} TgBodies;

typedef struct {
        GByteArray *bytes; /* NULL: nothing yet, or dropped */
        gsize n_received;
        gboolean is_too_large;
        gboolean is_starved; /* there was no room beside the others */
} TgBody;

/* FALSE: end the connection. */
gboolean tg_body_add(TgBody *self, TgBodies *all, const char *bytes, gsize n_bytes);
void tg_body_drop(TgBody *self, TgBodies *all);

/* Notes what the header Content-Length (NULL: none) says. FALSE: so much that it
 * will not even be read. */
gboolean tg_body_expect(TgBody *self, const char *content_length);
