/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-checks.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/crypto.h"
#include "protocol/envelope.h"
#include "protocol/link.h"
#include "protocol/payload.h"
#include "tests/unit/helper.h"
#include "tests/unit/vector-checks-pin.h"
#include "tests/unit/vector-checks-tdch.h"
#include "tests/unit/vector-checks-webpush.h"
#include "tests/unit/vector-compare.h"

/* ---- base64 ---- */

static char *
decode(TgBase64 form, const Node *vector)
{
        const char *text = node_text(vector, "text");
        gsize n_chars = strlen(text);
        g_autofree guint8 *buffer = g_malloc(tg_base64_decoded_room(n_chars));
        gsize n_bytes;

        if (!tg_base64_decode(form, text, n_chars, buffer, &n_bytes))
                return g_strdup("was refused");

        return difference("decoded", buffer, n_bytes, node_text(vector, "hex"));
}

static char *
decode_wrong(TgBase64 form, const Node *vector)
{
        const GString *text = node_get(vector, "text")->text;
        g_autofree guint8 *buffer = g_malloc(tg_base64_decoded_room(text->len));
        gsize n_bytes;

        if (!tg_base64_decode(form, text->str, text->len, buffer, &n_bytes))
                return NULL;

        return not_refused(node_text(vector, "why"));
}

static char *
check_standard(const Node *vector)
{
        g_autoptr(TgSecret) bytes = secret_of(vector, "hex");
        g_autofree char *text = tg_base64_encode(
                TG_BASE64_STANDARD, tg_secret_get(bytes, NULL), tg_secret_size(bytes));
        char *wrong = decode(TG_BASE64_STANDARD, vector);

        return wrong ? wrong : text_difference("encoded", text, node_text(vector, "text"));
}

static char *
check_standard_reject(const Node *vector)
{
        return decode_wrong(TG_BASE64_STANDARD, vector);
}

static char *
check_fragment(const Node *vector)
{
        return decode(TG_BASE64_ANY, vector);
}

static char *
check_fragment_reject(const Node *vector)
{
        return decode_wrong(TG_BASE64_ANY, vector);
}

/* ---- hkdf_label ---- */

static char *
check_hkdf_label(const Node *vector)
{
        TgHash hash =
                g_str_equal(node_text(vector, "hash"), "sha384") ? TG_HASH_SHA384 : TG_HASH_SHA256;
        g_autoptr(TgSecret) secret = secret_of(vector, "secret");
        g_autoptr(TgSecret) context = secret_of(vector, "context");
        g_autoptr(TgSecret) output = NULL;
        GError *error = NULL;

        output = tg_hkdf_expand_label(hash,
                                      secret,
                                      node_text(vector, "label"),
                                      tg_secret_get(context, NULL),
                                      tg_secret_size(context),
                                      (gsize)node_number(vector, "length"),
                                      &error);
        if (!output)
                return refused(error);

        return difference("output",
                          tg_secret_get(output, NULL),
                          tg_secret_size(output),
                          node_text(vector, "output"));
}

/* ---- json_profile ---- */

static TgEnvelope *
parse_plaintext(const Node *vector, GError **error)
{
        g_autoptr(TgSecret) plaintext = secret_of(vector, "hex");

        return tg_envelope_parse(plaintext, error);
}

static char *
check_plaintext(const Node *vector)
{
        GError *error = NULL;
        g_autoptr(TgEnvelope) envelope = parse_plaintext(vector, &error);

        return envelope ? NULL : refused(error);
}

static char *
check_plaintext_reject(const Node *vector)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgEnvelope) envelope = parse_plaintext(vector, &error);

        if (envelope)
                return not_refused(node_text(vector, "error"));
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);

        return NULL;
}

static char *
check_bucket(const Node *vector)
{
        gsize bucket = tg_padding_bucket((gsize)node_number(vector, "lengthWithEmptyPad"));

        if ((gint64)bucket == node_number(vector, "bucket"))
                return NULL;

        return g_strdup_printf("got %" G_GSIZE_FORMAT, bucket);
}

/* ---- payload ---- */

/* A payload as it stands in the file; FALSE when the profile refuses it already. */
static gboolean
payload_of(const Node *vector, TgJson *ret_payload)
{
        const Node *node = node_get(vector, "payload");

        return tg_json_parse(node->source, node->n_source, G_MAXINT32, ret_payload, NULL);
}

static char *
check_opened(const TgSecret *key, const char *text, const char *hex)
{
        TgJson payload = helper_json(text);
        GError *error = NULL;
        g_autoptr(TgSecret) plaintext = tg_payload_open(key, &payload, &error);

        if (!plaintext)
                return refused(error);

        return difference("opened", tg_secret_get(plaintext, NULL), tg_secret_size(plaintext), hex);
}

static char *
check_seal(const Node *vector)
{
        g_autoptr(TgSecret) key = secret_of(vector, "key");
        g_autoptr(TgSecret) iv = secret_of(vector, "iv");
        g_autoptr(TgSecret) plaintext = secret_of(vector, "plaintext");
        g_autoptr(GString) quoted = g_string_new(NULL);
        g_autofree char *wanted = NULL;
        GError *error = NULL;
        g_autofree char *text = NULL;
        char *wrong;

        text = tg_payload_seal(key, tg_secret_get(iv, NULL), plaintext, &error);
        if (!text)
                return refused(error);
        wanted = g_strdup_printf("{\"type\":\"%s\",\"data\":\"%s\"}",
                                 node_text(vector, "type"),
                                 node_text(vector, "data"));
        wrong = text_difference("sealed", text, wanted);
        if (wrong)
                return wrong;

        /* both forms in which a payload may come back */
        tg_json_append_string(quoted, wanted);
        wrong = check_opened(key, wanted, node_text(vector, "plaintext"));

        return wrong ? wrong : check_opened(key, quoted->str, node_text(vector, "plaintext"));
}

static char *
check_open_reject(const Node *vector)
{
        g_autoptr(TgSecret) key = secret_of(vector, "key");
        g_autoptr(TgSecret) plaintext = NULL;
        g_autoptr(GError) error = NULL;
        TgJson payload;

        if (!payload_of(vector, &payload))
                return NULL;
        plaintext = tg_payload_open(key, &payload, &error);
        if (plaintext)
                return not_refused(node_text(vector, "error"));
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);

        return NULL;
}

/* ---- share_url ---- */

static TgLink *
parse_link(const Node *vector, GError **error)
{
        const GString *url = node_get(vector, "url")->text;

        return tg_link_parse(url->str, url->len, node_boolean(vector, "allowHttp"), error);
}

static char *
compare_secret(const TgLink *link, const char *hex)
{
        if (!hex || !link->secret)
                return !hex && !link->secret ? NULL : g_strdup("the one has a secret");

        return difference(
                "secret", tg_secret_get(link->secret, NULL), tg_secret_size(link->secret), hex);
}

static char *
compare_mode(const TgLink *link, const Node *expect)
{
        static const struct {
                gint64 number;
                TgLinkMode mode;
        } modes[] = {
                {0,  TG_LINK_T1    },
                {1,  TG_LINK_T2_PIN},
                {2,  TG_LINK_T2    },
                {16, TG_LINK_TDCH  },
        };
        TgLinkMode wanted = TG_LINK_NO_SECRET;

        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++)
                if (modes[i].number == node_number(expect, "mode"))
                        wanted = modes[i].mode;
        if (!node_text_or_null(expect, "secret"))
                wanted = TG_LINK_NO_SECRET;

        return link->mode == wanted ? NULL : g_strdup_printf("mode: got %d", link->mode);
}

static char *
compare_place(const TgLink *link, const Node *expect)
{
        char vertical[2] = {link->vertical, '\0'};
        const Node *version = node_get(expect, "version");
        char *wrong;

        if (link->mode == TG_LINK_TDCH) {
                if (link->suite != node_number(expect, "suite"))
                        return g_strdup_printf("suite: got %d", link->suite);
                return text_difference("template", link->template, node_text(expect, "template"));
        }

        wrong = text_difference("address", link->mailbox_url, node_text(expect, "mailbox_url"));
        if (!wrong)
                wrong = text_difference("id", link->mailbox_id, node_text(expect, "mailbox_id"));
        if (!wrong)
                wrong = text_difference("vertical",
                                        link->vertical ? vertical : NULL,
                                        node_text_or_null(expect, "vertical"));
        if (wrong)
                return wrong;
        if (link->version != (version->type == NODE_NULL ? 0 : node_number(expect, "version")))
                return g_strdup_printf("version: got %u", link->version);

        return NULL;
}

static char *
check_link(const Node *vector)
{
        const Node *expect = node_get(vector, "expect");
        GError *error = NULL;
        g_autoptr(TgLink) link = parse_link(vector, &error);
        char *wrong;

        if (!link)
                return refused(error);
        wrong = compare_mode(link, expect);
        if (!wrong)
                wrong = compare_secret(link, node_text_or_null(expect, "secret"));

        return wrong ? wrong : compare_place(link, expect);
}

static char *
check_link_reject(const Node *vector)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) link = parse_link(vector, &error);
        const char *hash = strchr(node_text(vector, "url"), '#');
        gboolean is_telling = hash && strlen(hash) > 8;

        if (link)
                return not_refused(node_text(vector, "why"));
        helper_assert_error(error, TG_ERROR_INVALID, is_telling ? hash + 1 : NULL);

        return NULL;
}

static char *
check_build(const Node *vector)
{
        g_autoptr(TgSecret) secret = secret_of(vector, "secret");
        g_autoptr(TgSecret) link = NULL;
        GError *error = NULL;

        if (g_str_equal(node_text(vector, "kind"), "tdch")) {
                link = tg_link_format_tdch(node_text(vector, "template"),
                                           (guint16)node_number(vector, "suite"),
                                           secret,
                                           &error);
        } else {
                static const TgLinkMode modes[] = {TG_LINK_T1, TG_LINK_T2_PIN, TG_LINK_T2};
                const char *vertical = node_text_or_null(vector, "vertical");

                link = tg_link_format(node_text(vector, "mailboxUrl"),
                                      vertical ? *vertical : '\0',
                                      modes[node_number(vector, "mode")],
                                      secret,
                                      &error);
        }
        if (!link)
                return refused(error);

        return text_difference(
                "link", (const char *)tg_secret_get(link, NULL), node_text(vector, "url"));
}

/* ---- exchange_state ---- */

static TgReading
reading_of(const char *expect)
{
        static const struct {
                const char *name;
                TgReading reading;
        } readings[] = {
                {"ok",        TG_READ_OK       },
                {"overtaken", TG_READ_OVERTAKEN},
                {"none",      TG_READ_NONE     },
                {"legacy",    TG_READ_LEGACY   },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(readings); i++)
                if (g_str_equal(expect, readings[i].name))
                        return readings[i].reading;

        return TG_READ_REFUSED;
}

static char *
receive(TgThread *thread, const TgSecret *key, const TgJson *payload, const char *expect)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) before = tg_thread_save(thread);
        g_autoptr(GBytes) after = NULL;
        TgReading reading = tg_thread_read(thread, key, payload, &envelope, &error);

        if (reading != reading_of(expect))
                return g_strdup_printf("got %d instead of %s", reading, expect);
        after = tg_thread_save(thread);
        if ((reading == TG_READ_REFUSED || reading == TG_READ_NONE) &&
            !g_bytes_equal(before, after))
                return g_strdup_printf("%s changed the state", expect);
        if ((reading == TG_READ_REFUSED) != (error != NULL))
                return g_strdup_printf("%s and its error do not go together", expect);

        return NULL;
}

static char *
run_event(TgThread *thread, const TgSecret *key, const Node *event)
{
        const char *op = node_text(event, "op");
        GError *error = NULL;
        TgJson payload;
        gint64 seq;

        if (!payload_of(event, &payload))
                return g_strdup("has a payload that is no json");
        if (g_str_equal(op, "recv"))
                return receive(thread, key, &payload, node_text(event, "expect"));

        seq = g_str_equal(op, "sent") ? node_number(event, "seq") : -1;
        return tg_thread_note_sent(thread, &payload, seq, &error) ? NULL : refused(error);
}

/* As after a crash: everything goes on from what was stored. */
static TgThread *
restart(TgThread *thread)
{
        g_autoptr(TgThread) old = thread;
        g_autoptr(GBytes) saved = tg_thread_save(old);
        g_autoptr(GError) error = NULL;
        TgThread *loaded =
                tg_thread_load(g_bytes_get_data(saved, NULL), g_bytes_get_size(saved), &error);

        g_assert_no_error(error);

        return loaded;
}

static char *
run_scenario(const Node *vector, gboolean does_restart)
{
        g_autoptr(TgSecret) key = secret_of(vector, "key");
        const char *sid_hex = node_text_or_null(vector, "sid");
        g_autoptr(GBytes) sid = sid_hex ? tg_hex_decode(sid_hex) : NULL;
        const GPtrArray *events = node_get(vector, "events")->children;
        g_autoptr(TgThread) thread = NULL;

        thread = tg_thread_new(g_str_equal(node_text(vector, "role"), "s") ? TG_ROLE_INITIATOR
                                                                           : TG_ROLE_RECIPIENT,
                               sid ? g_bytes_get_data(sid, NULL) : NULL,
                               node_boolean(vector, "legacyAllowed"));
        for (guint i = 0; i < events->len; i++) {
                g_autofree char *wrong = run_event(thread, key, g_ptr_array_index(events, i));

                if (wrong)
                        return g_strdup_printf(
                                "event %u%s: %s", i + 1, does_restart ? ", restarted" : "", wrong);
                if (does_restart)
                        thread = restart(g_steal_pointer(&thread));
        }

        return NULL;
}

static char *
check_scenario(const Node *vector)
{
        char *wrong = run_scenario(vector, FALSE);

        return wrong ? wrong : run_scenario(vector, TRUE);
}

/* ---- which file is what ---- */

static const Section base64_sections[] = {
        {"std",                  check_standard},
        {"stdReject",                      check_standard_reject},
        {"fragment",check_fragment},
        {"fragmentReject",             check_fragment_reject},
        {},
};
static const Section hkdf_label_sections[] = {
        {"vectors", check_hkdf_label},
        {         },
};
static const Section json_profile_sections[] = {
        {"accept",                check_plaintext},
        {"reject",                       check_plaintext_reject},
        {"buckets",check_bucket},
        {              },
};
static const Section payload_sections[] = {
        {"seal",             check_seal},
        {"openReject",                  check_open_reject},
        {                                  },
};
static const Section share_url_sections[] = {
        {"parse",            check_link},
        {"reject",                  check_link_reject},
        {"build",check_build},
        {         },
};
static const Section exchange_state_sections[] = {
        {"scenarios", check_scenario},
        {           },
};

static const KnownFile known_files[] = {
        {"base64.json",          base64_sections,         NULL       },
        {"exchange_state.json",  exchange_state_sections, NULL       },
        {"hkdf_label.json",      hkdf_label_sections,     NULL       },
        {"json_profile.json",    json_profile_sections,   NULL       },
        {"ohttp_rfc9458.json",   NULL,                    check_ohttp},
        {"payload.json",         payload_sections,        NULL       },
        {"pin.json",             pin_sections,            NULL       },
        {"share_url.json",       share_url_sections,      NULL       },
        {"spake2.json",          spake2_sections,         NULL       },
        {"spake2_rfc9382.json",  spake2_rfc9382_sections, NULL       },
        {"t2.json",              t2_sections,             NULL       },
        {"tdch.json",            tdch_sections,           NULL       },
        {"webpush.json",         webpush_sections,        NULL       },
        {"webpush_rfc8291.json", webpush_sections,        NULL       },
};

const KnownFile *
known_file_find(const char *name)
{
        for (gsize i = 0; i < G_N_ELEMENTS(known_files); i++)
                if (g_str_equal(known_files[i].name, name))
                        return &known_files[i];

        return NULL;
}
