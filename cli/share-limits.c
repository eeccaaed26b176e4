/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/share-limits.h"

#include "cli/output.h"
#include "cli/times.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static gboolean
parse(const char *option, const char *text, gboolean is_end, guint64 *ret_when, GError **error)
{
        *ret_when = 0;
        if (!text || tg_times_parse_moment(text, is_end, tg_times_now(), ret_when, error))
                return TRUE;
        g_prefix_error(error, "%s: ", option);
        return FALSE;
}

gboolean
tg_share_limits_check(const TgShareLimits *self, GError **error)
{
        guint64 n_uses, before, after;

        if (!parse("--not-before", self->not_before, FALSE, &before, error) ||
            !parse("--not-after", self->not_after, TRUE, &after, error))
                return FALSE;
        if (self->not_after && after <= MAX(before, tg_times_now())) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "--not-after: that is over before it begins\ngive a later time");
                return FALSE;
        }
        if (self->uses &&
            !g_ascii_string_to_unsigned(self->uses, 10, 1, TG_MAX_USES, &n_uses, NULL)) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "--uses: give a number from 1 to %d", TG_MAX_USES);
                return FALSE;
        }
        return TRUE;
}

static void
add_moment(GVariantBuilder *options, const char *name, const char *text, gboolean is_end)
{
        guint64 when;

        if (parse(name, text, is_end, &when, NULL) && when > 0)
                g_variant_builder_add(options, "{sv}", name, g_variant_new_uint64(when));
}

void
tg_share_limits_add(const TgShareLimits *self, GVariantBuilder *options)
{
        add_moment(options, "not-before", self->not_before, FALSE);
        add_moment(options, "not-after", self->not_after, TRUE);
        if (self->uses)
                g_variant_builder_add(
                        options,
                        "{sv}",
                        "uses",
                        g_variant_new_uint32((guint32)g_ascii_strtoull(self->uses, NULL, 10)));
        if (self->is_final)
                g_variant_builder_add(options, "{sv}", "reshare", g_variant_new_boolean(FALSE));
}

static void
explain_moment(const char *words, const char *text, gboolean is_end)
{
        g_autofree char *moment = NULL;
        guint64 when;

        if (!parse("", text, is_end, &when, NULL) || when == 0)
                return;
        moment = tg_times_full(when, tg_times_now());
        tg_output_say("      %s %s", words, moment);
}

void
tg_share_limits_explain(const TgShareLimits *self)
{
        if (!self->not_before && !self->not_after && !self->uses && !self->is_final)
                return;
        tg_output_say("  - the recipient's wallet keeps to these limits, if it knows them; what it "
                      "has");
        tg_output_say("    handed out once, he can copy:");
        explain_moment("not before", self->not_before, FALSE);
        explain_moment("not after", self->not_after, TRUE);
        if (self->uses)
                tg_output_say("      used at most %s times", self->uses);
        if (self->is_final)
                tg_output_say("      not shared on");
}
