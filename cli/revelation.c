/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/revelation.h"

#include <unistd.h>

#include "cli/secret-input.h"

static GVariant *
build_options(const char *as, gboolean has_passphrase)
{
        GVariantBuilder values = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (as)
                g_variant_builder_add(&values, "{sv}", "as", g_variant_new_string(as));
        if (has_passphrase)
                g_variant_builder_add(&values, "{sv}", "passphrase", g_variant_new_handle(0));

        return g_variant_builder_end(&values);
}

TgSecret *
tg_revelation_get(TgClient *client,
                  const TgObject *credential,
                  const char *as,
                  const TgSecret *passphrase,
                  GError **error)
{
        int fd = passphrase ? tg_secret_input_to_memfd(passphrase, error) : -1;
        const TgClientCall call = {
                .path = credential->path,
                .interface = tg_object_interface(credential),
                .method = "Reveal",
                .arguments = g_variant_new("(@a{sv})", build_options(as, passphrase != NULL)),
                .kind = TG_CALL_ASKS,
                .fds = &fd,
                .n_fds = passphrase ? 1 : 0,
        };
        TgSecret *content;

        if (passphrase && fd < 0) {
                g_variant_unref(g_variant_ref_sink(call.arguments));
                return NULL;
        }
        content = tg_client_call_secret(client, &call, error);
        if (fd >= 0)
                close(fd);

        return content;
}
