/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the operator decides: the file tigress-relay.conf, group [Relay], and the
 * options of the command line, which win. Taken whole or refused: an unknown key
 * or a value out of its range is an error that names file, line and key.
 */

#include <glib.h>

#include "protocol/mailbox.h"
#include "relay/prefix.h"
#include "relay/rate-limit.h"

typedef struct {
        gboolean is_trial;
        char **listen;         /* empty: systemd's sockets */
        char **metrics_listen; /* the same for metrics and health; empty: nowhere */
        char **trusted_proxies;
        GArray *proxies; /* TgPrefix: the same, parsed */
        char *public_url;
        char *certificate;
        char *key;
        char *store; /* a path, ":memory:", or the address of a Redis */
        char *store_password_file;
        char *store_ca_file;
        char *store_certificate;
        char *store_key;
        char *state_directory;
        char *push_key; /* NULL: no push, unless systemd hands over a key */
        char *push_contact;
        char *push_ca_file;
        char **push_hosts;
        char **push_private;
        guint64 push_connections;
        guint64 push_queue;
        guint64 push_timeout_s;
        guint64 push_interval_s;
        guint64 push_retry_s;
        char *attestation; /* NULL: none; see attestation-file.h */
        char **attestation_keys;
        char *token_issuer;
        guint64 token_window_s;
        guint64 attestation_skew_s;
        guint64 max_connections;
        guint64 max_connections_per_source;
        guint64 has_proxy_header; /* 0 or 1 */
        guint64 max_held;
        guint64 max_held_per_source;
        guint64 max_wait_s;
        guint64 request_timeout_s;
        guint64 idle_timeout_s;
        guint64 stop_timeout_s;
        guint64 max_headers_bytes;
        guint64 max_body_bytes;         /* of all together */
        guint64 per_minute[TG_N_RATES]; /* 0: no limit */
        guint64 default_life_s;
        guint64 max_life_s;
        guint64 told_s;
        guint64 max_store_bytes; /* 0: no limit */
        guint64 erase_interval_s;
        TgMailboxLimits limits;
} TgSettings;

/* What the command line says; NULL and FALSE where it is silent. */
typedef struct {
        gboolean is_trial;
        char *file;
        char **listen;
        char *public_url;
        char *certificate;
        char *key;
        char *store;
        char *state_directory;
} TgSettingOptions;

/* The default file may be absent, one that is named may not; a trial reads none
 * but a named one. */
TgSettings *tg_settings_load(const TgSettingOptions *options, GError **error);
void tg_settings_free(TgSettings *self);

/* All of them as a file that says the same, but for a password in Store=. */
char *tg_settings_format(const TgSettings *self);

/* For settings that are to replace @now in a process that runs: those that cannot change until
 * the next start become what they are in @now. Their keys (owned by the program), or none. */
const char **tg_settings_keep_fixed(TgSettings *self, const TgSettings *now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgSettings, tg_settings_free)
