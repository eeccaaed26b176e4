/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/relay-model.h"

#include <string.h>

#include "protocol/digest.h"
#include "protocol/limits.h"
#include "tests/fuzz/fuzz.h"

static void
model_free(gpointer data)
{
        Model *self = data;

        g_free(self->payload);
        g_free(self);
}

Models *
models_new(void)
{
        return g_ptr_array_new_with_free_func(model_free);
}

static Model *
find(Models *self, const guint8 id[TG_ID_BYTES])
{
        for (guint i = 0; i < self->len; i++) {
                Model *model = g_ptr_array_index(self, i);

                if (memcmp(model->id, id, TG_ID_BYTES) == 0)
                        return model;
        }

        return NULL;
}

static TgSide
side_of(const Model *model, const TgApiCall *call)
{
        if (call->is_claim_given != TG_GIVEN)
                return TG_SIDE_NOBODY;
        if (memcmp(model->claims[TG_SIDE_INITIATOR], call->claim, TG_UUID_BYTES) == 0)
                return TG_SIDE_INITIATOR;
        if (model->is_bound &&
            memcmp(model->claims[TG_SIDE_RECIPIENT], call->claim, TG_UUID_BYTES) == 0)
                return TG_SIDE_RECIPIENT;

        return TG_SIDE_NOBODY;
}

/* ---- what an answer says ---- */

static TgJson
body_of(const TgAnswer *answer)
{
        g_autoptr(GError) error = NULL;
        TgJson value;

        tg_json_parse(answer->body, answer->n_body, G_MAXINT32, &value, &error);
        g_assert_no_error(error);
        g_assert_cmpint(value.type, ==, TG_JSON_OBJECT);

        return value;
}

static void
check_payload(const Model *model, const TgAnswer *answer)
{
        TgJson body = body_of(answer);
        TgJson payload;

        g_assert_true(tg_json_get(&body, "payload", &payload));
        g_assert_cmpmem(payload.text, payload.n_chars, model->payload, strlen(model->payload));
        g_assert_cmpuint(answer->version, ==, model->version);
}

/* ---- what may follow from a request ---- */

static void
take_created(Models *self, const TgApiCall *call)
{
        g_autoptr(GError) error = NULL;
        g_auto(TgMailboxCreated) created = {0};
        const char *id;
        Model *model;
        guint8 uuid[TG_ID_BYTES];

        tg_mailbox_parse_created(call->answer.body, call->answer.n_body, &created, &error);
        g_assert_no_error(error);
        id = strrchr(created.url_link, '/') + 1;
        g_assert_true(tg_uuid_parse(id, strlen(id), uuid));

        model = find(self, uuid);
        g_assert_cmpint(model != NULL, ==, call->answer.status == 201);
        if (model) { /* once more; to whom it was told before */
                g_assert_cmpint(side_of(model, call), ==, TG_SIDE_INITIATOR);
                g_assert_false(model->is_ended);
                return;
        }

        g_assert_cmpint(call->is_claim_given, ==, TG_GIVEN);
        model = g_new0(Model, 1);
        memcpy(model->id, uuid, TG_ID_BYTES);
        memcpy(model->claims[TG_SIDE_INITIATOR], call->claim, TG_UUID_BYTES);
        model->has_verifier = call->is_verifier_given == TG_GIVEN;
        memcpy(model->verifier, call->verifier, TG_PROOF_BYTES);
        model->rights = call->body.rights;
        model->writer = TG_SIDE_INITIATOR;
        model->version = 1;
        model->expires_s = call->expires_s;
        model->payload = g_strdup(call->body.payload);
        g_ptr_array_add(self, model);
        g_assert_cmpint(created.has_claim_proof, ==, model->has_verifier);
}

/* 200, 304 or held: the reader is one of two, or becomes it now. */
static void
take_read(Model *model, const TgApiCall *call)
{
        TgSide side = side_of(model, call);
        guint8 verifier[TG_PROOF_BYTES];

        if (side == TG_SIDE_NOBODY) {
                g_assert_cmpint(call->is_claim_given, ==, TG_GIVEN);
                g_assert_false(model->is_bound);
                g_assert_false(call->is_held); /* who waited was bound, and has let go */
                if (model->has_verifier) {
                        g_assert_cmpint(call->is_proof_given, ==, TG_GIVEN);
                        tg_claim_verifier(call->proof, verifier);
                        g_assert_cmpmem(verifier, TG_PROOF_BYTES, model->verifier, TG_PROOF_BYTES);
                }
                model->is_bound = TRUE;
                memcpy(model->claims[TG_SIDE_RECIPIENT], call->claim, TG_UUID_BYTES);
        }
        if (side != TG_SIDE_INITIATOR)
                g_assert_true(model->rights & TG_RIGHT_READ);
        if (call->answer.status == 200)
                check_payload(model, &call->answer);
}

static void
take_change(Model *model, const TgApiCall *call)
{
        TgSide side = side_of(model, call);

        g_assert_cmpint(side, !=, TG_SIDE_NOBODY);
        g_assert_cmpint(call->is_request_given, ==, TG_GIVEN);
        if (call->answer.status == 201) /* was done before */
                return;

        switch (call->operation) {
        case TG_OPERATION_UPDATE:
                g_assert_true(model->rights & TG_RIGHT_WRITE);
                g_free(model->payload);
                model->payload = g_strdup(call->body.payload);
                model->version++;
                model->writer = side;
                g_assert_cmpuint(call->answer.version, ==, model->version);
                break;
        case TG_OPERATION_DELETE:
                g_assert_true(side == TG_SIDE_INITIATOR || (model->rights & TG_RIGHT_DELETE));
                model->is_ended = TRUE;
                break;
        case TG_OPERATION_RELINQUISH:
                g_assert_cmpint(side, ==, TG_SIDE_RECIPIENT);
                g_assert_cmpint(model->writer, ==, TG_SIDE_INITIATOR);
                model->is_bound = FALSE;
                break;
        case TG_OPERATION_NONE:
        case TG_OPERATION_CREATE:
        case TG_OPERATION_READ:
        case TG_OPERATION_PREVIEW:
        case TG_OPERATION_PUT_RESOURCE:
        case TG_OPERATION_GET_RESOURCE:
        case TG_OPERATION_DELETE_RESOURCE:
        case TG_OPERATION_FIND_TOKEN:
        case TG_OPERATION_FORGET_TOKEN:
                g_assert_not_reached();
        }
}

static gboolean
is_success(const TgApiCall *call, TgVerdict verdict)
{
        guint status = call->answer.status;

        return verdict == TG_VERDICT_HELD || status == 200 || status == 201 || status == 304;
}

/* Only the two who were bound hear how a mailbox has ended. */
static void
check_not_found(const Model *model, const TgApiCall *call)
{
        g_autofree char *type = tg_mailbox_parse_problem(call->answer.body, call->answer.n_body);

        if (!model || side_of(model, call) == TG_SIDE_NOBODY)
                g_assert_cmpstr(type, ==, "not-found");
}

void
models_check(Models *self, const TgApiCall *call, TgVerdict verdict, gint64 now_s)
{
        Model *model = NULL;

        if (call->operation == TG_OPERATION_CREATE) {
                if (is_success(call, verdict))
                        take_created(self, call);
                return;
        }
        if (call->operation == TG_OPERATION_NONE)
                return;

        model = find(self, call->id);
        if (call->answer.status == 404)
                check_not_found(model, call);
        if (!is_success(call, verdict))
                return;
        g_assert_nonnull(model);
        g_assert_false(model->is_ended);
        g_assert_cmpint(model->expires_s, >, now_s);
        if (call->operation == TG_OPERATION_READ)
                take_read(model, call);
        else if (call->operation != TG_OPERATION_PREVIEW)
                take_change(model, call);
}
