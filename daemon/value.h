/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A secret handed over in a call: a variant of s, ay or h. A descriptor is read
 * once, wholly, without blocking the loop, to a size limit and a deadline; only a
 * memfd, pipe, socket or regular file is taken (no FIFO with a name, no device, no
 * directory). What was read is what is used: the caller may rewrite it afterwards.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

#include "protocol/secret.h"

typedef struct TgValue TgValue;
typedef struct TgValueRead TgValueRead;

/* Takes the variant at @message's position: s and ay are copied at once, h is
 * duplicated. TG_ERROR_INVALID for another type or a refused descriptor,
 * TG_ERROR_LIMIT_REACHED above @max_bytes. @what names it in errors ("invitation"). */
TgValue *tg_value_take(sd_bus_message *message, const char *what, gsize max_bytes, GError **error);
void tg_value_free(TgValue *self);
/* The most of the locked memory that it takes until it is read, in octets; 0 for NULL. */
gsize tg_value_room(const TgValue *self);

/* @secret is the callback's to reference; NULL with @error set. Called once, from
 * the loop, never from inside tg_value_read(). */
typedef void (*TgValueFunc)(TgSecret *secret, const GError *error, gpointer user_data);
/* Takes @value over. */
TgValueRead *tg_value_read(TgValue *value, TgValueFunc func, gpointer user_data);
/* The same with another deadline than TG_DESCRIPTOR_DEADLINE_S, as the tests need. */
TgValueRead *
tg_value_read_until(TgValue *value, guint deadline_ms, TgValueFunc func, gpointer user_data);
void tg_value_read_cancel(TgValueRead *read);

/* For answers: a sealed memfd that holds @secret; the caller closes it. -1 and
 * @error on failure. */
int tg_value_to_memfd(const TgSecret *secret, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgValue, tg_value_free)
