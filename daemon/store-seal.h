/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Seals of the store: AES-256-GCM under the state key, bound to the row's table, id
 * and version, so that no sealed octets can stand in another row or come back
 * from the past unnoticed. Knows no file.
 */

#include <glib.h>

#include "daemon/store.h"

GBytes *tg_store_seal(const TgSecret *key,
                      const char *table,
                      const char *id,
                      guint64 version,
                      const TgSecret *plaintext,
                      GError **error);
TgSecret *tg_store_unseal(const TgSecret *key,
                          const char *table,
                          const char *id,
                          guint64 version,
                          const void *sealed,
                          gsize n_sealed,
                          GError **error);

/* A share's detail, bound also to the clear columns that never change, and with the
 * changing ones inside. */
GBytes *tg_store_seal_share(const TgSecret *key,
                            const TgShareRow *row,
                            const TgSecret *detail,
                            GError **error);
/* @row as it stands in the clear; state, end and is_busy become what counts.
 * *ret_was_running tells what the seal itself says: such a row is in the head. */
TgSecret *tg_store_unseal_share(const TgSecret *key,
                                TgShareRow *row,
                                const void *sealed,
                                gsize n_sealed,
                                gboolean *ret_was_running,
                                GError **error);

/* The ends that a share can come to while its detail is unread. */
gboolean tg_store_ends_in_clear(TgState state);
