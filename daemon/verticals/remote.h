/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A kind of credential that another program knows: its handler, on a bus name of its own, with
 * the interface org.tigress.Vertical1. It gets opaque messages and gives some; it is believed in
 * nothing but what it says for the step that it was asked about.
 */

#include <systemd/sd-bus.h>

#include "daemon/vertical-file.h"

typedef struct TgRemote TgRemote;

/* @file is taken and cleared. @bus is borrowed. */
TgRemote *tg_remote_new(sd_bus *bus, TgVerticalFile *file);
/* Not before the last share is gone: a vertical lives as long as what may run it. */
void tg_remote_free(TgRemote *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgRemote, tg_remote_free)
const TgVertical *tg_remote_vertical(const TgRemote *self);
const TgVerticalFile *tg_remote_file(const TgRemote *self);

/* ---- remote-answer.c ---- */

/* What a handler's answer comes to: the step is answered. @reply was sent by whom was asked. */
void tg_remote_answer(TgStep *step, sd_bus_message *reply);
/* a{sv}: what the handler is told for this step. */
int tg_remote_append_given(sd_bus_message *call, const TgStepContext *context);
