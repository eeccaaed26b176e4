/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What polkit's answer means, and the sentence that goes to the user. Only a plain
 * yes, exactly as polkit writes it, is a yes.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

/* @reply: the answer to CheckAuthorization for @action, or an error in its place.
 * NULL: authorized. Otherwise TG_ERROR_DENIED. */
GError *tg_verdict_judge(sd_bus_message *reply, const char *action, gboolean is_interactive);

/* No answer came and none will. */
GError *tg_verdict_none(void);
