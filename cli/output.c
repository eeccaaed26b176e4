/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/escape.h"
#include "cli/secret-input.h"
#include "protocol/error.h"

#define PROGRAM "tigressctl: "
#define FIELD_COLUMNS 14

static struct {
        gboolean is_json;
        gboolean has_colours;
        gboolean is_lost;      /* a write to stdout failed */
        gboolean has_progress; /* the terminal's last line is a progress line */
        char *progress;        /* what it says, or what was said last */
} output;

void
tg_output_init(gboolean is_json)
{
        const char *no_color = g_getenv("NO_COLOR");
        const char *term = g_getenv("TERM");

        output.is_json = is_json;
        output.has_colours = !is_json && isatty(STDOUT_FILENO) &&
                             (!no_color || *no_color == '\0') && g_strcmp0(term, "dumb") != 0;
}

gboolean
tg_output_is_json(void)
{
        return output.is_json;
}

static void
clear_progress(void)
{
        if (output.has_progress)
                fputs("\r\033[K", stderr);
        output.has_progress = FALSE;
}

static void
say(const char *prefix, const char *text)
{
        g_autofree char *escaped = tg_escape(TG_ESCAPE_LINE, text);

        clear_progress();
        fprintf(stderr, "%s%s\n", prefix, escaped);
}

void
tg_output_error(const GError *error)
{
        g_auto(GStrv) parts = g_strsplit(error->message, "\n", 2);

        say(PROGRAM "error: ", parts[0] ? parts[0] : "");
        if (parts[0] && parts[1])
                say(PROGRAM "hint: ", parts[1]);
}

/* Varargs to text, once. */
#define FORMAT_TO(text, format)                                                                    \
        va_list arguments;                                                                         \
        g_autofree char *text = NULL;                                                              \
        va_start(arguments, format);                                                               \
        text = g_strdup_vprintf(format, arguments);                                                \
        va_end(arguments)

void
tg_output_hint(const char *format, ...)
{
        FORMAT_TO(text, format);
        say(PROGRAM "hint: ", text);
}

void
tg_output_note(const char *format, ...)
{
        FORMAT_TO(text, format);
        say(PROGRAM, text);
}

void
tg_output_say(const char *format, ...)
{
        FORMAT_TO(text, format);
        say("", text);
}

/* Cut to what fits on one line of the terminal: a longer one could not be taken back. */
static void
fit(char *text)
{
        struct winsize size = {0};
        gsize n_columns = 79;
        char *end = text;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
                n_columns = size.ws_col - 1u;

        for (gsize n = 0; *end; end = g_utf8_next_char(end)) {
                n += g_unichar_iswide(g_utf8_get_char(end)) ? 2 : 1;
                if (n > n_columns)
                        break;
        }
        *end = '\0';
}

void
tg_output_progress(const char *format, ...)
{
        g_autofree char *line = NULL;

        FORMAT_TO(text, format);
        if (output.has_progress || !isatty(STDERR_FILENO))
                if (g_strcmp0(text, output.progress) == 0)
                        return;

        g_free(output.progress);
        output.progress = g_strdup(text);
        if (!isatty(STDERR_FILENO)) {
                say(PROGRAM, text);
                return;
        }

        line = tg_escape(TG_ESCAPE_LINE, text);
        fit(line);
        fprintf(stderr, "\r%s\033[K", line);
        fflush(stderr);
        output.has_progress = TRUE;
}

void
tg_output_progress_end(void)
{
        clear_progress();
        fflush(stderr);
        g_clear_pointer(&output.progress, g_free);
}

void
tg_output_line(const char *text)
{
        clear_progress();
        if (fputs(text, stdout) < 0 || putc('\n', stdout) < 0 || fflush(stdout) != 0)
                output.is_lost = TRUE;
}

/* NULL when there is nothing to say. */
static char *
field_line(const char *name, const char *value, gboolean is_coloured)
{
        g_autofree char *escaped = tg_escape(TG_ESCAPE_LINE, value);
        g_autofree char *label = g_strconcat(name, *name ? ":" : NULL, NULL);

        if (*escaped == '\0')
                return NULL;
        return g_strdup_printf("%s%-*s%s%s",
                               is_coloured ? tg_output_colour(TG_COLOUR_HEADING) : "",
                               FIELD_COLUMNS,
                               label,
                               is_coloured ? tg_output_colour(TG_COLOUR_NONE) : "",
                               escaped);
}

void
tg_output_field(const char *name, const char *value)
{
        g_autofree char *line = field_line(name, value, TRUE);

        if (line)
                tg_output_line(line);
}

void
tg_output_say_field(const char *name, const char *value)
{
        g_autofree char *line = field_line(name, value, FALSE);

        if (line)
                say("", line);
}

gboolean
tg_output_secret(const TgSecret *secret, GError **error)
{
        g_autoptr(TgSecret) line = NULL;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(secret, &n_bytes);
        guint8 *buffer;

        clear_progress();
        line = tg_secret_new_blank(n_bytes + 1, &buffer, error);
        if (!line)
                return FALSE;
        memcpy(buffer, bytes, n_bytes);
        buffer[n_bytes] = '\n';
        if (fflush(stdout) != 0)
                output.is_lost = TRUE;

        return tg_secret_input_write(STDOUT_FILENO, line, error);
}

gboolean
tg_output_finish(GError **error)
{
        if (fflush(stdout) == 0 && !ferror(stdout) && !output.is_lost)
                return TRUE;

        tg_set_error(error, TG_ERROR_FAILED, "cannot write the result");
        return FALSE;
}

const char *
tg_output_colour(TgColour colour)
{
        static const char *const sequences[] = {
                [TG_COLOUR_NONE] = "\033[0m",
                [TG_COLOUR_GOOD] = "\033[32m",
                [TG_COLOUR_WARNING] = "\033[33m",
                [TG_COLOUR_BAD] = "\033[31m",
                [TG_COLOUR_HEADING] = "\033[1m",
        };

        return output.has_colours ? sequences[colour] : "";
}

const char *
tg_output_reason(int errno_value)
{
        static char reason[128];

        g_strlcpy(reason, g_strerror(errno_value), sizeof reason);
        /* "I/O error" and the like stay as they are. */
        if (g_ascii_isupper(reason[0]) && g_ascii_islower(reason[1]))
                reason[0] = g_ascii_tolower(reason[0]);

        return reason;
}
