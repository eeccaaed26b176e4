/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether there is a network: nothing is asked while there is none. A relay on
 * loopback is always there (a machine with nothing but loopback counts as offline).
 */

#include <glib.h>

typedef struct TgNetwork TgNetwork;

/* @on_back is called from the loop when a network has come. */
TgNetwork *tg_network_new(void (*on_back)(gpointer user_data), gpointer user_data);
void tg_network_free(TgNetwork *self);
gboolean tg_network_reaches(const TgNetwork *self, const char *url);
