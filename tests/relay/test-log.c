/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands in the journal beside a sentence. */

#include <string.h>

#include "relay/log.h"
#include "relay/metrics.h"

static GString *seen;

static GLogWriterOutput
note(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
        for (gsize i = 0; i < n_fields; i++)
                g_string_append_printf(
                        seen, "%s=%s\n", fields[i].key, (const char *)fields[i].value);

        return G_LOG_WRITER_HANDLED;
}

static void
test_fields_are_states_and_counts(void)
{
        seen = g_string_new(NULL);
        g_log_set_writer_func(note, NULL, NULL);
        tg_metrics_set(TG_GAUGE_CONNECTIONS, 7);
        tg_metrics_set(TG_GAUGE_HELD, 3);
        tg_log_event(G_LOG_LEVEL_MESSAGE, "reloaded", "it has been %s", "read");
        tg_log_event(G_LOG_LEVEL_WARNING, "store-in-doubt", "why");
        g_assert_cmpstr(seen->str,
                        ==,
                        "MESSAGE=it has been read\nPRIORITY=5\nGLIB_DOMAIN=tigress\n"
                        "TG_EVENT=reloaded\nTG_CONNECTIONS=7\nTG_HELD_READS=3\n"
                        "MESSAGE=why\nPRIORITY=4\nGLIB_DOMAIN=tigress\n"
                        "TG_EVENT=store-in-doubt\nTG_CONNECTIONS=7\nTG_HELD_READS=3\n");
        g_string_free(seen, TRUE);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/log/fields-are-states-and-counts", test_fields_are_states_and_counts);

        return g_test_run();
}
