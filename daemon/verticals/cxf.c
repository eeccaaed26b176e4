/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.cxf.item: a copy of one item of a credential exchange (FIDO Alliance, Credential
 * Exchange Format 1.0), as a password manager exports it. What is given, what travels and what is
 * kept is its text, octet for octet; nothing signs in with a passkey or an SSH key of it here.
 */

#include "protocol/cxf.h"

#include "daemon/vertical.h"
#include "daemon/verticals/copy.h"

static const char *const kinds[] = {"copy", NULL};
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

static void
show(TgStep *step, const TgCxfItem *item)
{
        tg_step_show(step, "Holds", item->holds);
        if (item->site != NULL)
                tg_step_show(step, "Site", item->site);
        if (item->account != NULL)
                tg_step_show(step, "Account", item->account);
}

static const char *
name_of(const TgCxfItem *item)
{
        return item->title[0] != '\0' ? item->title : item->site;
}

static TgSecret *
text_of(TgStep *step, const TgCxfItem *item, GError **error)
{
        show(step, item);
        return tg_secret_new(item->json.text, item->json.n_chars, error);
}

static void
begin(TgStep *step)
{
        g_auto(TgCxfItem) item = {};
        GError *error = NULL;
        TgSecret *text = NULL;

        if (tg_cxf_item_parse_text(tg_step_context(step)->given, &item, &error))
                text = text_of(step, &item, &error);
        tg_copy_say(step, text, text != NULL ? name_of(&item) : NULL, error);
}

static void
receive(TgStep *step)
{
        g_auto(TgCxfItem) item = {};
        GError *error = NULL;
        TgSecret *text = NULL;

        if (tg_cxf_item_parse(tg_step_context(step)->message, &item, &error))
                text = text_of(step, &item, &error);
        tg_copy_keep(step, text, "application/json", text != NULL ? name_of(&item) : NULL, error);
}

/* It is one. */
static TgSecret *
to_cxf(TgSecret *content, const TgCxfLabel *label, GError **error)
{
        return tg_secret_ref(content);
}

const TgVertical tg_vertical_cxf = {
        .format = "org.tigress.cxf.item",
        .name = "Item of a password manager (CXF)",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_CONTENT,
        .is_prompt = TRUE,
        .begin = begin,
        .receive = receive,
        .to_cxf = to_cxf,
};
