/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/log.h"

#include "relay/metrics.h"

#define NUMBER_CHARS 24

/* As syslog counts them. */
static const char *
find_priority(GLogLevelFlags level)
{
        return level & G_LOG_LEVEL_WARNING ? "4" : "5";
}

void
tg_log_event(GLogLevelFlags level, const char *event, const char *format, ...)
{
        g_autofree char *message = NULL;
        char connections[NUMBER_CHARS], held[NUMBER_CHARS];
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_snprintf(connections,
                   sizeof connections,
                   "%" G_GINT64_FORMAT,
                   tg_metrics_get(TG_GAUGE_CONNECTIONS));
        g_snprintf(held, sizeof held, "%" G_GINT64_FORMAT, tg_metrics_get(TG_GAUGE_HELD));
        g_log_structured_array(level,
                               (const GLogField[]){
                                       {"MESSAGE",        message,              -1},
                                       {"PRIORITY",       find_priority(level), -1},
                                       {"GLIB_DOMAIN",    G_LOG_DOMAIN,         -1},
                                       {"TG_EVENT",       event,                -1},
                                       {"TG_CONNECTIONS", connections,          -1},
                                       {"TG_HELD_READS",  held,                 -1},
        },
                               6);
}
