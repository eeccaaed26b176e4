/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The target `keyring`: an ordinary item of the default collection, with the attributes that came
 * along and the user wants, or his own. It takes no other item's place.
 */

#include "daemon/verticals/keyring-use.h"

#include <string.h>

#include "daemon/attributes.h"
#include "protocol/error.h"
#include "protocol/limits.h"

const TgTermKey tg_keyring_use_options[] = {
        {"attributes", "as", TG_MAX_ATTRIBUTE_NAME_BYTES + 1 + TG_MAX_ATTRIBUTE_BYTES},
        {"label",      "s",  TG_MAX_TITLE_BYTES                                      },
        {NULL,         NULL, 0                                                       },
};

/* NAME, of one that came along, or NAME=VALUE. */
static gboolean
split(GVariant *came, const char *word, char **ret_name, char **ret_value, GError **error)
{
        const char *sign = strchr(word, '=');
        const char *names[] = {word, NULL};
        g_autoptr(GVariant) picked = NULL;

        if (sign == NULL) {
                picked = tg_attributes_pick(came, names, error);
                if (picked == NULL)
                        return FALSE;
                *ret_name = g_strdup(word);
                g_variant_lookup(picked, word, "s", ret_value);
                return TRUE;
        }
        *ret_name = g_strndup(word, (gsize)(sign - word));
        *ret_value = g_strdup(sign + 1);
        return TRUE;
}

static GVariant *
choose(GVariant *came, const char *const *words, GError **error)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        for (gsize i = 0; words[i] != NULL; i++) {
                char *name = NULL;
                g_autofree char *value = NULL;

                if (!split(came, words[i], &name, &value, error))
                        return NULL;
                g_ptr_array_add(names, name);
                g_variant_builder_add(&builder, "{ss}", name, value);
        }
        g_ptr_array_add(names, NULL);
        if (!tg_attributes_check_names((const char *const *)names->pdata, error))
                return NULL;
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static GVariant *
wanted(const TgStepContext *context, GError **error)
{
        g_autofree const char **words = NULL;
        g_autoptr(GVariant) attributes = NULL;

        if (g_variant_lookup(context->terms, "attributes", "^a&s", &words))
                attributes = choose(context->attributes, words, error);
        else if (context->attributes != NULL)
                attributes = g_variant_ref(context->attributes);
        if (attributes != NULL && g_variant_n_children(attributes) > 0)
                return g_steal_pointer(&attributes);
        if (error == NULL || *error == NULL)
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "nothing would find the item: no attribute came along; name yours "
                             "(\"attributes\", NAME=VALUE)");
        return NULL;
}

/* ---- the act ---- */

typedef struct {
        TgStep *step;
        TgKeyringJob *job;
        gulong listening;
        char *label;
} Use;

static void
free_use(Use *self)
{
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_signal_handler_disconnect(tg_step_cancellable(self->step), self->listening);
        tg_step_unref(self->step);
        g_free(self->label);
        g_free(self);
}

static void
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
        free_use(user_data);
}

static void
on_added(TgSecret *secret,
         const char *label,
         const char *content_type,
         const GError *error,
         gpointer user_data)
{
        Use *self = user_data;
        GVariantDict result;

        self->job = NULL;
        if (error != NULL) {
                tg_step_fail(self->step, g_error_copy(error));
        } else {
                g_variant_dict_init(&result, NULL);
                g_variant_dict_insert(&result, "label", "s", self->label);
                tg_step_used(self->step, g_variant_dict_end(&result));
        }
        free_use(self);
}

static const char *
type_of(const TgSecret *content)
{
        gsize n;
        const char *text = (const char *)tg_secret_get(content, &n);

        return g_utf8_validate(text, (gssize)n, NULL) ? "text/plain" : "application/octet-stream";
}

void
tg_keyring_use(TgStep *step)
{
        const TgStepContext *context = tg_step_context(step);
        GError *error = NULL;
        g_autoptr(GVariant) attributes = wanted(context, &error);
        Use *self;

        if (attributes == NULL) {
                tg_step_fail(step, error);
                return;
        }
        self = g_new0(Use, 1);
        self->step = tg_step_ref(step);
        if (!g_variant_lookup(context->terms, "label", "s", &self->label))
                self->label = g_strdup(context->label);
        self->listening = g_signal_connect(
                tg_step_cancellable(step), "cancelled", G_CALLBACK(on_cancelled), self);
        self->job = tg_keyring_add_item(context->keyring,
                                        self->label,
                                        attributes,
                                        type_of(context->given),
                                        context->given,
                                        on_added,
                                        self);
}
