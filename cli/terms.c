/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/terms.h"

#include <string.h>

#include "cli/output.h"
#include "cli/times.h"
#include "protocol/error.h"

typedef enum { AS_TEXT, AS_PATH, AS_LIST, AS_SPAN, AS_TIME, AS_FLAG } Type;

/* Those that are no plain text. */
static const struct {
        const char *name;
        Type type;
} types[] = {
        {"agent",       AS_PATH},
        {"allowed-ips", AS_LIST},
        {"alt-names",   AS_LIST},
        {"attributes",  AS_LIST},
        {"ca",          AS_PATH},
        {"ca-key",      AS_PATH},
        {"confirm",     AS_FLAG},
        {"crl",         AS_PATH},
        {"dns",         AS_LIST},
        {"keepalive",   AS_SPAN},
        {"key",         AS_PATH},
        {"krl",         AS_PATH},
        {"lifetime",    AS_SPAN},
        {"not-after",   AS_TIME},
        {"not-before",  AS_TIME},
        {"peers",       AS_PATH},
        {"permit",      AS_LIST},
        {"pkcs11",      AS_PATH},
        {"pkcs11-pin",  AS_PATH},
        {"pool",        AS_LIST},
        {"principals",  AS_LIST},
        {"renew-until", AS_TIME},
        {"valid-for",   AS_SPAN},
};

static Type
type_of(const char *name)
{
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                if (strcmp(types[i].name, name) == 0)
                        return types[i].type;

        return AS_TEXT;
}

gboolean
tg_terms_are_given(const TgTerms *self)
{
        return self->ca || self->connection || self->principals || self->valid || self->more;
}

static GVariant *
value_of(const char *name, const char *text, GError **error)
{
        g_autofree char *path = NULL;
        g_auto(GStrv) words = NULL;
        guint32 seconds;
        guint64 time;

        switch (type_of(name)) {
        case AS_TEXT:
                break;
        case AS_PATH:
                path = g_canonicalize_filename(text, NULL);
                return g_variant_new_string(path);
        case AS_LIST:
                words = g_strsplit(text, ",", -1);
                return g_variant_new_strv((const char *const *)words, -1);
        case AS_SPAN:
                if (!tg_times_parse_duration(text, &seconds, error))
                        return NULL;
                return g_variant_new_uint32(seconds);
        case AS_TIME:
                if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &time, NULL)) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "a time is a number of seconds since 1970: date -d TIME +%%s");
                        return NULL;
                }
                return g_variant_new_uint64(time);
        case AS_FLAG:
                if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
                        tg_set_error(error, TG_ERROR_INVALID, "it is yes or no");
                        return NULL;
                }
                return g_variant_new_boolean(strcmp(text, "yes") == 0);
        }
        if (!g_utf8_validate(text, -1, NULL)) {
                tg_set_error(error, TG_ERROR_INVALID, "it is no text in UTF-8");
                return NULL;
        }

        return g_variant_new_string(text);
}

/* FALSE with @error, also for a name that comes twice. */
static gboolean
add(GVariantDict *terms, const char *name, const char *text, GError **error)
{
        GVariant *value;

        if (g_variant_dict_contains(terms, name)) {
                tg_set_error(error, TG_ERROR_INVALID, "\"%s\" is given twice", name);
                return FALSE;
        }
        value = value_of(name, text, error);
        if (!value)
                return FALSE;
        g_variant_dict_insert_value(terms, name, value);

        return TRUE;
}

static gboolean
add_more(GVariantDict *terms, const char *pair, GError **error)
{
        const char *sign = strchr(pair, '=');
        g_autofree char *name = sign ? g_strndup(pair, (gsize)(sign - pair)) : NULL;

        if (!name || *name == '\0' || !g_utf8_validate(name, -1, NULL)) {
                tg_set_error(error, TG_ERROR_INVALID, "--term and --option want NAME=VALUE");
                return FALSE;
        }

        return add(terms, name, sign + 1, error);
}

/* The public part alone names a key that an agent has. */
static gboolean
add_agent(GVariantDict *terms, GError **error)
{
        const char *agent = g_getenv("SSH_AUTH_SOCK");
        const char *key;

        if ((!g_variant_dict_lookup(terms, "ca", "&s", &key) &&
             !g_variant_dict_lookup(terms, "key", "&s", &key)) ||
            !g_str_has_suffix(key, ".pub") || g_variant_dict_contains(terms, "agent") ||
            g_variant_dict_contains(terms, "pkcs11"))
                return TRUE;
        if (!agent || *agent == '\0') {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "a public key is named, and there is no ssh-agent\nname the private "
                             "key's file, or start an agent: eval $(ssh-agent)");
                return FALSE;
        }

        return add(terms, "agent", agent, error);
}

static GVariant *
build(const TgTerms *self, GError **error)
{
        g_autoptr(GVariantDict) terms = g_variant_dict_new(NULL);

        if (self->principals) {
                g_ptr_array_add(self->principals, NULL);
                g_variant_dict_insert_value(
                        terms,
                        "principals",
                        g_variant_new_strv((const char *const *)self->principals->pdata, -1));
                g_ptr_array_set_size(self->principals, (int)self->principals->len - 1);
        }
        if ((self->ca && !add(terms, "ca", self->ca, error)) ||
            (self->connection && !add(terms, "connection", self->connection, error)) ||
            (self->valid && !add(terms, "valid-for", self->valid, error)))
                return NULL;
        for (guint i = 0; self->more && i < self->more->len; i++)
                if (!add_more(terms, self->more->pdata[i], error))
                        return NULL;
        if (!add_agent(terms, error))
                return NULL;

        return g_variant_dict_end(terms);
}

gboolean
tg_terms_check(const TgTerms *self, GError **error)
{
        g_autoptr(GVariant) terms = NULL;

        for (guint i = 0; self->principals && i < self->principals->len; i++)
                if (!g_utf8_validate(self->principals->pdata[i], -1, NULL)) {
                        tg_set_error(error, TG_ERROR_INVALID, "--principal: it is no text");
                        return FALSE;
                }
        terms = build(self, error);
        if (terms)
                g_variant_ref_sink(terms);

        return terms != NULL;
}

GVariant *
tg_terms_build(const TgTerms *self)
{
        return build(self, NULL);
}

/* A time is read by people as one. */
static void
explain_more(const char *pair)
{
        const char *sign = strchr(pair, '=');
        g_autofree char *name = sign ? g_strndup(pair, (gsize)(sign - pair)) : g_strdup("");
        g_autofree char *when = NULL;
        guint64 time;

        if (sign && type_of(name) == AS_TIME &&
            g_ascii_string_to_unsigned(sign + 1, 10, 0, G_MAXINT64, &time, NULL))
                when = tg_times_full(time, tg_times_now());
        if (when)
                tg_output_say("  - %s: %s", name, when);
        else
                tg_output_say("  - %s", pair);
}

void
tg_terms_explain(const TgTerms *self)
{
        if (self->ca)
                tg_output_say("  - signed by: %s", self->ca);
        if (self->connection)
                tg_output_say("  - saved by NetworkManager as: %s", self->connection);
        for (guint i = 0; self->principals && i < self->principals->len; i++)
                tg_output_say("  - for: %s", (const char *)self->principals->pdata[i]);
        if (self->valid)
                tg_output_say("  - valid: %s from now", self->valid);
        for (guint i = 0; self->more && i < self->more->len; i++)
                explain_more(self->more->pdata[i]);
}
