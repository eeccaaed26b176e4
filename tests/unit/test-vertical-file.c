/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may declare a handler: one text, and next to nothing of what is like it. */

#include <string.h>

#include "daemon/vertical-file.h"
#include "helper.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static const char good[] = "# a handler\n"
                           "\n"
                           "[Vertical]\n"
                           "Format=org.example.door.key\n"
                           "Letter=d\n"
                           "Name=Key to a door\n"
                           "BusName=org.example.DoorKeys\n"
                           "ObjectPath=/org/example/DoorKeys\n"
                           "Kind=lend\n"
                           "SecondFactor=default\n";

static void
test_what_a_file_says_is_read(void)
{
        g_auto(TgVerticalFile) file = {};
        g_auto(TgVerticalFile) same = {};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_vertical_file_parse(good, strlen(good), &file, &error));
        g_assert_cmpstr(file.format, ==, "org.example.door.key");
        g_assert_cmpint(file.letter, ==, 'd');
        g_assert_cmpstr(file.name, ==, "Key to a door");
        g_assert_cmpstr(file.bus_name, ==, "org.example.DoorKeys");
        g_assert_cmpstr(file.object_path, ==, "/org/example/DoorKeys");
        g_assert_cmpstr(file.kind, ==, "lend");
        g_assert_cmpint(file.pin, ==, TG_PIN_DEFAULT);
        g_assert_true(tg_vertical_file_parse(good, strlen(good), &same, &error));
        g_assert_true(tg_vertical_file_equal(&file, &same));
        same.pin = TG_PIN_OPTIONAL;
        g_assert_false(tg_vertical_file_equal(&file, &same));
}

static void
refuse(const char *text, gsize n_bytes, const char *what)
{
        TgVerticalFile file = {.letter = 'x'};
        g_autoptr(GError) error = NULL;

        if (tg_vertical_file_parse(text, n_bytes, &file, &error))
                g_error("%s: taken", what);
        g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
        g_assert_cmpint(file.letter, ==, 'x');
}

/* @line of the good text, by another. */
static void
refuse_line(const char *line, const char *other)
{
        const char *at = strstr(good, line);
        g_autofree char *text = NULL;

        g_assert_nonnull(at);
        text = g_strdup_printf("%.*s%s%s", (int)(at - good), good, other, at + strlen(line));
        refuse(text, strlen(text), other);
}

static void
test_other_values_are_refused(void)
{
        g_autofree char *long_format = g_strnfill(TG_MAX_FORMAT_BYTES, 'x');
        g_autofree char *format = g_strconcat("Format=", long_format, ".y", NULL);
        g_autofree char *long_name = g_strnfill(TG_MAX_VERTICAL_NAME_BYTES + 1, 'x');
        g_autofree char *name = g_strconcat("Name=", long_name, NULL);

        refuse_line("Format=org.example.door.key", format);
        refuse_line("Format=org.example.door.key", "Format=door");
        refuse_line("Format=org.example.door.key", "Format=org.example door");
        refuse_line("Format=org.example.door.key", "Format=org.ex\xc3\xa4mple");
        refuse_line("Format=org.example.door.key", "Format=");
        refuse_line("Letter=d", "Letter=D");
        refuse_line("Letter=d", "Letter=dd");
        refuse_line("Letter=d", "Letter=1");
        refuse_line("Name=Key to a door", name);
        refuse_line("Name=Key to a door", "Name=Key\x1b[31m");
        refuse_line("Name=Key to a door", "Name=Key \xe2\x80\xae to");
        refuse_line("BusName=org.example.DoorKeys", "BusName=:1.7");
        refuse_line("BusName=org.example.DoorKeys", "BusName=DoorKeys");
        refuse_line("BusName=org.example.DoorKeys", "BusName=org.tigress.Wallet1");
        refuse_line("BusName=org.example.DoorKeys", "BusName=org.freedesktop.DBus");
        refuse_line("ObjectPath=/org/example/DoorKeys", "ObjectPath=org/example");
        refuse_line("ObjectPath=/org/example/DoorKeys", "ObjectPath=/org/");
        refuse_line("Kind=lend", "Kind=Lend");
        refuse_line("Kind=lend", "Kind=lend;copy");
        refuse_line("SecondFactor=default", "SecondFactor=none");
        refuse_line("SecondFactor=default", "SecondFactor=2");
}

static void
test_other_lines_are_refused(void)
{
        g_autofree char *large = g_strdup_printf("%s#%*s\n", good, TG_MAX_VERTICAL_FILE_BYTES, "");

        refuse("", 0, "nothing");
        refuse(good, sizeof good, "a NUL at its end");
        refuse(large, strlen(large), "large");
        refuse_line("[Vertical]\n", "");
        refuse_line("[Vertical]", "[vertical]");
        refuse_line("[Vertical]\n", "[Vertical]\n[Vertical]\n");
        refuse_line("[Vertical]\n", "[Other]\n[Vertical]\n");
        refuse_line("Letter=d\n", "Letter=d\nLetter=d\n");
        refuse_line("Letter=d\n", "Letter=d\nletter=d\n");
        refuse_line("Letter=d\n", "Letter[de]=d\n");
        refuse_line("Letter=d\n", "Letter=d\nrubbish\n");
        refuse_line("Kind=lend\n", "Kind=lend\nExec=/bin/sh\n");
        refuse_line("Kind=lend\n", "Kind=\xff\n");
}

/* Every text that one changed octet makes of it is refused, or says something else, and all that
 * it says is as it must be. */
static void
test_no_mutation_passes_for_more_than_it_says(void)
{
        static const guint8 others[] = {
                0, '\n', '=', ' ', '#', '[', '.', '/', ':', 'a', 0x1b, 0x80, 0xff};
        guint n_taken = 0;

        for (gsize i = 0; i < strlen(good); i++) {
                for (gsize k = 0; k <= G_N_ELEMENTS(others); k++) {
                        g_autofree char *text = g_strdup(good);
                        g_auto(TgVerticalFile) file = {};
                        gsize n_bytes = strlen(good);

                        if (k < G_N_ELEMENTS(others))
                                text[i] = (char)others[k];
                        else
                                memmove(text + i, text + i + 1, n_bytes-- - i);
                        if (!tg_vertical_file_parse(text, n_bytes, &file, NULL))
                                continue;
                        n_taken++;
                        g_assert_true(g_ascii_islower(file.letter));
                        g_assert_nonnull(strchr(file.format, '.'));
                        g_assert_true(g_dbus_is_name(file.bus_name));
                        g_assert_true(g_variant_is_object_path(file.object_path));
                        g_assert_cmpstr(file.kind, ==, "lend");
                        g_assert_cmpint(file.pin, ==, TG_PIN_DEFAULT);
                        g_assert_true(g_utf8_validate(file.name, -1, NULL));
                }
        }
        g_assert_cmpuint(n_taken, >, 0);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/vertical-file/what-a-file-says-is-read", test_what_a_file_says_is_read);
        g_test_add_func("/vertical-file/other-values-are-refused", test_other_values_are_refused);
        g_test_add_func("/vertical-file/other-lines-are-refused", test_other_lines_are_refused);
        g_test_add_func("/vertical-file/no-mutation-passes-for-more-than-it-says",
                        test_no_mutation_passes_for_more_than_it_says);
        return g_test_run();
}
