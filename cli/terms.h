/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is lent, as options say it: the dictionary that CreateShare takes for it; and other
 * dictionaries of a vertical's own keys, which have `more` alone. */

#include <glib.h>

typedef struct {
        /* as given; NULL where nothing was */
        const char *ca;
        const char *connection; /* a saved Wi-Fi network */
        GPtrArray *principals;
        const char *valid;
        GPtrArray *more; /* "NAME=VALUE" */
} TgTerms;

gboolean tg_terms_are_given(const TgTerms *self);
/* TG_ERROR_INVALID for what cannot be of the type that its name has. */
gboolean tg_terms_check(const TgTerms *self, GError **error);
/* a{sv}, floating; they have been checked. Paths are whole, lists are taken apart. */
GVariant *tg_terms_build(const TgTerms *self);
/* Says them on stderr, one a line. */
void tg_terms_explain(const TgTerms *self);
