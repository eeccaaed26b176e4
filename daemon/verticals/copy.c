/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/copy.h"

#include "protocol/limits.h"
#include "protocol/text.h"

void
tg_copy_say(TgStep *step, TgSecret *content, const char *name, GError *error)
{
        if (content == NULL) {
                tg_step_fail(step, error);
                return;
        }
        tg_step_name(step, name);
        tg_step_say(step, content, TRUE);
        tg_secret_unref(content);
}

void
tg_copy_keep(
        TgStep *step, TgSecret *content, const char *content_type, const char *name, GError *error)
{
        g_auto(TgProvision) provision = {.content = content};

        if (content == NULL) {
                tg_step_fail(step, error);
                return;
        }
        provision.content_type = g_strdup(content_type);
        if (name != NULL)
                provision.title = tg_text_clean(name, -1, TG_MAX_TITLE_BYTES);
        tg_step_keep(step, &provision);
}
