/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/resource-model.h"

#include <string.h>

typedef struct {
        guint8 id[TG_RESOURCE_ID_BYTES];
        GBytes *octets;
        gboolean has_request;
        guint8 request[TG_UUID_BYTES];
        gboolean is_lock_required;
        gboolean is_locked;
        guint8 reader[TG_UUID_BYTES];
        gint64 expires_s;
        gboolean is_gone;
} Model;

static void
model_free(gpointer data)
{
        Model *self = data;

        g_bytes_unref(self->octets);
        g_free(self);
}

ResourceModels *
resource_models_new(void)
{
        return g_ptr_array_new_with_free_func(model_free);
}

gboolean
resource_models_are_for(const TgApiCall *call)
{
        return call->operation >= TG_OPERATION_PUT_RESOURCE;
}

static Model *
find(ResourceModels *self, const TgApiCall *call, gint64 now_s)
{
        for (guint i = 0; i < self->len; i++) {
                Model *model = g_ptr_array_index(self, i);

                if (!model->is_gone && model->expires_s > now_s &&
                    memcmp(model->id, call->resource_id, sizeof model->id) == 0)
                        return model;
        }

        return NULL;
}

static gboolean
is_for(const Model *model, const TgApiCall *call)
{
        gboolean has_claim = call->is_claim_given == TG_GIVEN;

        if (!model)
                return FALSE;
        if (model->is_locked)
                return has_claim && memcmp(model->reader, call->claim, TG_UUID_BYTES) == 0;

        return has_claim || !model->is_lock_required;
}

static void
take_put(ResourceModels *self, const TgApiCall *call, gint64 now_s)
{
        Model *model = find(self, call, now_s);
        gboolean is_same = model && model->has_request && call->is_request_given == TG_GIVEN &&
                           memcmp(model->request, call->request, TG_UUID_BYTES) == 0;

        if (call->answer.status == 412) {
                g_assert_true(model && !is_same);
                return;
        }
        if (call->answer.status != 201)
                return;
        g_assert_true(!model || is_same);
        g_assert_cmpint(call->has_changed, ==, !model);
        if (model)
                return;

        model = g_new0(Model, 1);
        memcpy(model->id, call->resource_id, sizeof model->id);
        model->octets = g_bytes_ref(call->octets);
        model->has_request = call->is_request_given == TG_GIVEN;
        memcpy(model->request, call->request, TG_UUID_BYTES);
        model->is_lock_required = call->is_lock_given == TG_GIVEN;
        model->expires_s = call->expires_s;
        g_ptr_array_add(self, model);
}

static void
take_get(Model *model, const TgApiCall *call, TgVerdict verdict)
{
        gsize n_octets;
        const void *octets;

        if (verdict == TG_VERDICT_HELD || call->answer.status == 404) {
                g_assert_false(is_for(model, call));
                return;
        }
        if (call->answer.status != 200)
                return;
        g_assert_true(is_for(model, call));
        octets = g_bytes_get_data(model->octets, &n_octets);
        g_assert_cmpmem(call->answer.body, call->answer.n_body, octets, n_octets);
        if (call->is_claim_given == TG_GIVEN && !model->is_locked) {
                model->is_locked = TRUE;
                memcpy(model->reader, call->claim, TG_UUID_BYTES);
        }
}

static void
take_delete(Model *model, const TgApiCall *call)
{
        if (call->answer.status == 404)
                g_assert_false(is_for(model, call));
        if (call->answer.status != 204)
                return;
        g_assert_true(is_for(model, call));
        model->is_gone = TRUE;
}

void
resource_models_check(ResourceModels *self, const TgApiCall *call, TgVerdict verdict, gint64 now_s)
{
        if (call->is_refused)
                return;
        if (call->operation == TG_OPERATION_PUT_RESOURCE)
                take_put(self, call, now_s);
        else if (call->operation == TG_OPERATION_GET_RESOURCE)
                take_get(find(self, call, now_s), call, verdict);
        else
                take_delete(find(self, call, now_s), call);
}
