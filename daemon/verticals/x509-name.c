/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/verticals/x509-name.h"

#include <string.h>

#include "daemon/verticals/x509-grant.h"
#include "protocol/text.h"

#define MAX_PARTS 8
#define MAX_VALUE_BYTES 64

static const char *const attributes[] = {
        "CN", "O", "OU", "L", "ST", "C", "UID", "serialNumber", "emailAddress", NULL};

static const char malformed[] =
        "the subject is a list such as CN=alice,O=Example: of CN (once), O, OU, L, ST, C, UID, "
        "serialNumber and emailAddress, each of at most 64 octets without ,+=\"\\<>;#";

char *
tg_x509_subject_tidy(const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, ",", -1);

        for (guint i = 0; parts[i] != NULL; i++)
                g_strstrip(parts[i]);
        return g_strjoinv(",", parts);
}

static gboolean
is_value(const char *text)
{
        gsize n_bytes = strlen(text);

        return n_bytes > 0 && n_bytes <= MAX_VALUE_BYTES && text[0] != ' ' &&
               text[n_bytes - 1] != ' ' && strpbrk(text, ",+=\"\\<>;#") == NULL &&
               tg_text_is_clean(text, MAX_VALUE_BYTES);
}

static gboolean
add_part(X509_NAME *name, const char *part)
{
        const char *sign = strchr(part, '=');
        g_autofree char *attribute = sign != NULL ? g_strndup(part, (gsize)(sign - part)) : NULL;

        return attribute != NULL && g_strv_contains(attributes, attribute) && is_value(sign + 1) &&
               X509_NAME_add_entry_by_txt(name,
                                          attribute,
                                          MBSTRING_UTF8,
                                          (const unsigned char *)sign + 1,
                                          -1,
                                          -1,
                                          0) == 1;
}

/* The text begins with what is most particular, the encoding ends with it. */
X509_NAME *
tg_x509_subject(const char *text, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(text != NULL ? text : "", ",", -1);
        guint n_parts = g_strv_length(parts);
        g_autoptr(X509_NAME) name = X509_NAME_new();
        gboolean is_right = n_parts <= MAX_PARTS;

        for (guint i = n_parts; is_right && i > 0; i--)
                is_right = add_part(name, parts[i - 1]);
        is_right = is_right && X509_NAME_get_index_by_NID(name, NID_commonName, -1) >= 0 &&
                   X509_NAME_get_index_by_NID(
                           name,
                           NID_commonName,
                           X509_NAME_get_index_by_NID(name, NID_commonName, -1)) < 0;
        if (is_right)
                return g_steal_pointer(&name);
        tg_x509_invalid(error, malformed);
        return NULL;
}

/* ---- alternative names ---- */

static const struct {
        const char *prefix;
        int type;
} kinds[] = {
        {"email:", GEN_EMAIL},
        {"dns:",   GEN_DNS  },
        {"uri:",   GEN_URI  },
};

static gboolean
is_plain(const char *text)
{
        gsize n_bytes = strlen(text);

        if (n_bytes == 0 || n_bytes > TG_X509_MAX_ALT_NAME_BYTES)
                return FALSE;
        for (gsize i = 0; i < n_bytes; i++)
                if (!g_ascii_isgraph(text[i]) || strchr(",\"\\<>*", text[i]) != NULL)
                        return FALSE;
        return TRUE;
}

static GENERAL_NAME *
alt_name(const char *text)
{
        for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
                ASN1_IA5STRING *value;
                GENERAL_NAME *name;

                if (!g_str_has_prefix(text, kinds[i].prefix) ||
                    !is_plain(text + strlen(kinds[i].prefix)))
                        continue;
                value = ASN1_IA5STRING_new();
                ASN1_STRING_set(value, text + strlen(kinds[i].prefix), -1);
                name = GENERAL_NAME_new();
                GENERAL_NAME_set0_value(name, kinds[i].type, value);
                return name;
        }
        return NULL;
}

GENERAL_NAMES *
tg_x509_alt_names(const GStrv names, GError **error)
{
        g_autoptr(GENERAL_NAMES) list = GENERAL_NAMES_new();
        guint n_names = names != NULL ? g_strv_length(names) : G_MAXUINT;

        for (guint i = 0; n_names <= TG_X509_MAX_ALT_NAMES && i < n_names; i++) {
                GENERAL_NAME *name = alt_name(names[i]);

                if (name == NULL || sk_GENERAL_NAME_push(list, name) <= 0)
                        n_names = G_MAXUINT;
        }
        if (n_names <= TG_X509_MAX_ALT_NAMES)
                return g_steal_pointer(&list);
        tg_x509_invalid(error,
                        "alternative names are at most 8 of email:, dns: and uri:, each of at most "
                        "255 plain characters");
        return NULL;
}
