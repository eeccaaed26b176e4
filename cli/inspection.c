/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/inspection.h"

#include <string.h>
#include <unistd.h>

#include "cli/json-line.h"
#include "cli/outcome.h"
#include "cli/secret-input.h"
#include "cli/times.h"
#include "dbus/names.h"
#include "protocol/error.h"

static GVariant *
call_inspect(TgClient *client, const TgSecret *link, gboolean fetch, GError **error)
{
        TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "InspectInvitation",
                .n_fds = 1,
                .kind = TG_CALL_SLOW,
        };
        GVariant *facts;
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        int fd = tg_secret_input_to_memfd(link, error);

        if (fd < 0)
                return NULL;
        g_variant_builder_add(&options, "{sv}", "fetch", g_variant_new_boolean(fetch));
        call.arguments = g_variant_new("(va{sv})", g_variant_new_handle(0), &options);
        call.fds = &fd;
        facts = tg_client_call_for_dict(client, &call, error);
        close(fd);

        return facts;
}

TgInspection *
tg_inspection_new(TgClient *client, const TgSecret *link, gboolean may_fetch, GError **error)
{
        g_autoptr(TgInspection) self = g_new0(TgInspection, 1);
        GVariant *fetched;

        self->facts = call_inspect(client, link, FALSE, error);
        if (!self->facts)
                return NULL;
        if (!may_fetch || !tg_inspection_flag(self, "trusted"))
                return g_steal_pointer(&self);

        fetched = call_inspect(client, link, TRUE, &self->fetch_error);
        if (fetched) {
                g_variant_unref(self->facts);
                self->facts = fetched;
                self->is_fetched = TRUE;
        } else if (tg_error_code(self->fetch_error) == TG_ERROR_CANCELLED) {
                g_propagate_error(error, g_steal_pointer(&self->fetch_error));
                return NULL;
        }

        return g_steal_pointer(&self);
}

void
tg_inspection_free(TgInspection *self)
{
        if (!self)
                return;

        g_clear_pointer(&self->facts, g_variant_unref);
        g_clear_error(&self->fetch_error);
        g_free(self);
}

const char *
tg_inspection_text(const TgInspection *self, const char *name)
{
        const char *text = "";

        return g_variant_lookup(self->facts, name, "&s", &text) ? text : "";
}

gboolean
tg_inspection_flag(const TgInspection *self, const char *name)
{
        gboolean flag = FALSE;

        return g_variant_lookup(self->facts, name, "b", &flag) && flag;
}

static guint64
expires_of(const TgInspection *self)
{
        guint64 expires = 0;

        return g_variant_lookup(self->facts, "expires", "t", &expires) ? expires : 0;
}

void
tg_inspection_show(const TgInspection *self, void (*field)(const char *name, const char *value))
{
        const char *mode = tg_inspection_text(self, "mode");
        gboolean is_drop = strcmp(tg_inspection_text(self, "transport"), "tdch") == 0;
        gboolean is_trusted = tg_inspection_flag(self, "trusted");
        guint64 expires = expires_of(self);
        g_autofree char *ends = expires > 0 ? tg_times_full(expires, tg_times_now()) : NULL;

        field("Relay", tg_inspection_text(self, "relay"));
        field("", is_trusted ? "(you trust it)" : "(you do NOT trust it; it was not asked)");
        if (self->is_fetched && !is_drop) {
                field("Title", tg_inspection_text(self, "title"));
                field("Description", tg_inspection_text(self, "description"));
                field("Ends", ends);
                field("", "(what the relay says; not verified)");
        }
        field("Protection",
              is_drop && !*mode ? "its first message tells; a PIN may be asked for then"
                                : tg_outcome_mode(mode));
        field("Transport",
              is_drop ? "plain HTTP: nothing can be looked at before it is accepted" : NULL);
        if (tg_inspection_flag(self, "pin-required"))
                field("PIN", "needed: the sender tells it to you by telephone or in person");
        field("Vertical", tg_inspection_text(self, "vertical"));
        if (!tg_inspection_flag(self, "has-secret"))
                field("Secret", "not in the link: it comes by another way");
}

void
tg_inspection_print_json(const TgInspection *self)
{
        static const struct {
                const char *key;
                const char *name;
        } texts[] = {
                {"relay",       "relay"      },
                {"vertical",    "vertical"   },
                {"mode",        "mode"       },
                {"transport",   "transport"  },
                {"title",       "title"      },
                {"description", "description"},
                {"image_url",   "image-url"  },
        };
        static const struct {
                const char *key;
                const char *name;
        } flags[] = {
                {"trusted",      "trusted"     },
                {"pin_required", "pin-required"},
                {"has_secret",   "has-secret"  },
        };
        TgJsonLine *line = tg_json_line_begin();

        tg_json_line_string(line, "type", "inspection");
        for (gsize i = 0; i < G_N_ELEMENTS(flags); i++)
                tg_json_line_boolean(line, flags[i].key, tg_inspection_flag(self, flags[i].name));
        tg_json_line_boolean(line, "fetched", self->is_fetched);
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                const char *text = tg_inspection_text(self, texts[i].name);

                tg_json_line_string(line, texts[i].key, *text ? text : NULL);
        }
        tg_json_line_time(line, "expires", expires_of(self));
        tg_json_line_end(line);
}
