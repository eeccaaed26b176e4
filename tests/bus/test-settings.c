/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration files: read, merged, watched, refused whole. */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/settings.h"
#include "tests/bus/fixture.h"

/* Two files in a home of their own, and what was heard of them. */
typedef struct {
        char *directory;
        char *system_file;
        char *user_directory;
        char *user_file;
        TgSettings *settings;
        guint n_changes;
} World;

static GString *warnings;

static GLogWriterOutput
keep_warnings(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
        if (!(level & G_LOG_LEVEL_WARNING))
                return g_log_writer_default(level, fields, n_fields, user_data);

        for (gsize i = 0; i < n_fields; i++)
                if (strcmp(fields[i].key, "MESSAGE") == 0)
                        g_string_append_printf(warnings, "%s\n", (const char *)fields[i].value);
        return G_LOG_WRITER_HANDLED;
}

static void
on_changed(TgSettings *settings, gpointer user_data)
{
        World *world = user_data;

        g_assert_true(settings == world->settings);
        world->n_changes++;
}

static void
start(World *world)
{
        world->settings = tg_settings_new(world->system_file, world->user_file, on_changed, world);
        g_assert_nonnull(world->settings);
}

static World *
world_new(void)
{
        World *world = g_new0(World, 1);

        world->directory = test_directory();
        world->system_file = g_build_filename(world->directory, "etc", "tigress.conf", NULL);
        world->user_directory = g_build_filename(world->directory, "home", ".config", NULL);
        world->user_file = g_build_filename(world->user_directory, "tigress", "tigress.conf", NULL);
        g_string_truncate(warnings, 0);
        return world;
}

static void
world_free(World *world)
{
        tg_settings_free(world->settings);
        g_free(world->directory);
        g_free(world->system_file);
        g_free(world->user_directory);
        g_free(world->user_file);
        g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static void
put(const char *path, const char *text)
{
        g_autofree char *directory = g_path_get_dirname(path);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
        g_file_set_contents(path, text, -1, &error); /* renames into place */
        g_assert_no_error(error);
}

static void
assert_trusts(const World *world, const char *origins)
{
        g_autofree char *all =
                g_strjoinv(" ", (char **)tg_settings_trusted_relays(world->settings));

        g_assert_cmpstr(all, ==, origins);
}

static void
test_without_files_nothing_is_set(void)
{
        g_autoptr(World) world = world_new();

        start(world);
        g_assert_null(tg_settings_relay(world->settings));
        g_assert_null(tg_settings_ca_file(world->settings));
        assert_trusts(world, "");
        g_assert_false(tg_settings_is_trusted(world->settings, "https://relay.example"));
        g_assert_cmpstr(warnings->str, ==, "");
}

static void
test_the_user_wins_and_lists_add_up(void)
{
        g_autoptr(World) world = world_new();

        put(world->system_file,
            "[Wallet]\nRelay=https://system.example\nTrustedRelays=https://c.example\n"
            "CaFile=/etc/ca.pem\nRequirePin=org.tigress.secret.item\n");
        put(world->user_file,
            "[Wallet]\nRelay=https://user.example\n"
            "TrustedRelays=https://a.example; https://c.example;\nRequirePin=b.format;a.format\n");
        start(world);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://user.example");
        g_assert_cmpstr(tg_settings_ca_file(world->settings), ==, "/etc/ca.pem");
        assert_trusts(world,
                      "https://a.example https://c.example https://system.example "
                      "https://user.example");
        g_assert_true(tg_settings_is_trusted(world->settings, "https://user.example"));
        g_assert_false(tg_settings_is_trusted(world->settings, "https://other.example"));
        g_assert_true(tg_settings_requires_pin(world->settings, "org.tigress.secret.item"));
        g_assert_true(tg_settings_requires_pin(world->settings, "a.format"));
        g_assert_true(tg_settings_requires_pin(world->settings, "b.format"));
        g_assert_false(tg_settings_requires_pin(world->settings, "c.format"));
        g_assert_cmpstr(warnings->str, ==, "");
}

static void
test_origins_are_compared_in_one_spelling(void)
{
        g_autoptr(World) world = world_new();

        put(world->user_file,
            "[Wallet]\nRelay=HTTPS://Relay.Example:443/\n"
            "TrustedRelays=https://relay.example;https://RELAY.example:8443\n");
        start(world);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://relay.example");
        assert_trusts(world, "https://relay.example https://relay.example:8443");
}

static void
test_an_empty_value_takes_back(void)
{
        g_autoptr(World) world = world_new();

        put(world->system_file, "[Wallet]\nRelay=https://system.example\nCaFile=/etc/ca.pem\n");
        put(world->user_file, "[Wallet]\nRelay=\nCaFile=\nTrustedRelays=\n");
        start(world);
        g_assert_null(tg_settings_relay(world->settings));
        g_assert_null(tg_settings_ca_file(world->settings));
        assert_trusts(world, "https://system.example"); /* the system's word stands */
}

static const struct {
        const char *text;
        const char *complaint;
} broken[] = {
        {"Relay=https://relay.example\n",                        ""                             },
        {"[Wallet]\nnonsense\n",                                 ""                             },
        {"[Wallet]\nRelais=https://relay.example\n",             "there is no setting Relais"   },
        {"[Wallet]\nRelay[de]=https://relay.example\n",          "there is no setting Relay[de]"},
        {"[Wallet]\nrelay=https://relay.example\n",              "there is no setting relay"    },
        {"[Relay]\nListen=*\n",                                  "there is no group [Relay]"    },
        {"[Wallet]\n[Other]\n",                                  "there is no group [Other]"    },
        {"[Wallet]\nRelay=http://relay.example\n",               "Relay:"                       },
        {"[Wallet]\nRelay=relay.example\n",                      "Relay:"                       },
        {"[Wallet]\nRelay=https://relay.example/path\n",         "Relay:"                       },
        {"[Wallet]\nRelay=https://user@relay.example\n",         "Relay:"                       },
        {"[Wallet]\nTrustedRelays=https://a.example;nonsense\n", "TrustedRelays:"               },
        {"[Wallet]\nTrustedRelays=https://a.example;;\n",        "TrustedRelays:"               },
        {"[Wallet]\nTrustedRelays=https://*.example\n",          "TrustedRelays:"               },
        {"[Wallet]\nCaFile=ca.pem\n",                            "not an absolute path"         },
        {"[Wallet]\nRequirePin=a;;\n",                           "RequirePin:"                  },
        {"[Wallet]\nRelay=https://\xff.example\n",               ""                             },
};

static void
test_a_broken_file_is_refused_whole(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
                g_autoptr(World) world = world_new();
                g_autofree char *text = NULL;

                g_test_message("%s", broken[i].text);
                put(world->system_file, "[Wallet]\nRelay=https://system.example\n");
                text = g_strconcat(broken[i].text,
                                   strstr(broken[i].text, "[Wallet]") ? "" : "[Wallet]\n",
                                   NULL);
                put(world->user_file, text);
                start(world);
                g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://system.example");
                assert_trusts(world, "https://system.example");
                g_assert_nonnull(strstr(warnings->str, world->user_file));
                g_assert_nonnull(strstr(warnings->str, broken[i].complaint));
        }
}

static void
test_what_is_no_file_of_settings_is_refused(void)
{
        g_autoptr(World) fifo = world_new();
        g_autoptr(World) directory = world_new();
        g_autoptr(World) large = world_new();
        g_autoptr(World) zero = world_new();
        static const char with_zero[] = "[Wallet]\nRelay=https://relay.example\n\0Nonsense=1\n";
        g_autofree char *text = g_strnfill(70000, '#');

        g_assert_cmpint(g_mkdir_with_parents(fifo->user_directory, 0700), ==, 0);
        g_free(fifo->user_file);
        fifo->user_file = g_build_filename(fifo->user_directory, "fifo", NULL);
        g_assert_cmpint(mkfifo(fifo->user_file, 0600), ==, 0);
        start(fifo); /* does not wait for a writer */
        g_assert_nonnull(strstr(warnings->str, "cannot be read"));

        g_string_truncate(warnings, 0);
        g_assert_cmpint(g_mkdir_with_parents(directory->user_file, 0700), ==, 0);
        start(directory);
        g_assert_nonnull(strstr(warnings->str, "cannot be read"));

        g_string_truncate(warnings, 0);
        put(large->user_file, text);
        start(large);
        g_assert_nonnull(strstr(warnings->str, "File too large"));

        g_string_truncate(warnings, 0);
        put(zero->user_file, "");
        g_assert_true(g_file_set_contents(zero->user_file, with_zero, sizeof with_zero, NULL));
        start(zero);
        g_assert_null(tg_settings_relay(zero->settings));
        g_assert_nonnull(strstr(warnings->str, "cannot be read"));
}

/* ---- changes ---- */

static void
test_a_change_is_noticed(void)
{
        g_autoptr(World) world = world_new();

        put(world->user_file, "[Wallet]\nRelay=https://one.example\n");
        start(world);
        test_settle();
        g_assert_cmpuint(world->n_changes, ==, 0);

        put(world->user_file, "[Wallet]\nRelay=https://two.example\n");
        test_wait_count(&world->n_changes, 1);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://two.example");

        g_assert_cmpint(unlink(world->user_file), ==, 0);
        test_wait_count(&world->n_changes, 2);
        g_assert_null(tg_settings_relay(world->settings));
        test_settle();
        g_assert_cmpuint(world->n_changes, ==, 2);
}

/* Not by renaming, as careful editors do, but in place and in pieces. */
static void
test_a_file_is_read_when_its_writer_is_done(void)
{
        g_autoptr(World) world = world_new();
        FILE *file;

        put(world->user_file, "[Wallet]\nRelay=https://one.example\n");
        start(world);
        g_assert_cmpint(unlink(world->user_file), ==, 0);
        test_wait_count(&world->n_changes, 1);

        file = fopen(world->user_file, "we");
        g_assert_nonnull(file);
        fputs("[Wallet]\nRelay=https://tw", file);
        fflush(file);
        test_settle();
        g_assert_cmpuint(world->n_changes, ==, 1);
        fputs("o.example\n", file);
        fclose(file);
        test_wait_count(&world->n_changes, 2);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://two.example");
        g_assert_cmpstr(warnings->str, ==, "");
}

static void
test_a_link_to_a_file_is_noticed(void)
{
        g_autoptr(World) world = world_new();
        g_autofree char *target = g_build_filename(world->directory, "elsewhere", NULL);

        put(target, "[Wallet]\nRelay=https://linked.example\n");
        put(world->user_file, "");
        g_assert_cmpint(unlink(world->user_file), ==, 0);
        start(world);
        g_assert_cmpint(symlink(target, world->user_file), ==, 0);
        test_wait_count(&world->n_changes, 1);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://linked.example");
}

static void
test_directories_may_come_later(void)
{
        g_autoptr(World) world = world_new();
        g_autofree char *tigress = g_path_get_dirname(world->user_file);

        start(world); /* neither home nor .config nor tigress is there */
        test_settle();
        put(world->user_file, "[Wallet]\nRelay=https://one.example\n");
        test_wait_count(&world->n_changes, 1);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://one.example");

        /* Gone again, and made again one by one. */
        unlink(world->user_file);
        rmdir(tigress);
        test_wait_count(&world->n_changes, 2);
        test_settle();
        rmdir(world->user_directory);
        test_settle();
        g_assert_cmpint(g_mkdir_with_parents(world->user_directory, 0700), ==, 0);
        test_settle();
        g_assert_cmpint(mkdir(tigress, 0700), ==, 0);
        test_settle();
        put(world->user_file, "[Wallet]\nRelay=https://two.example\n");
        test_wait_count(&world->n_changes, 3);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://two.example");
}

static void
test_a_renamed_directory_is_noticed(void)
{
        g_autoptr(World) world = world_new();
        g_autofree char *tigress = g_path_get_dirname(world->user_file);
        g_autofree char *aside = g_strconcat(tigress, "-aside", NULL);

        put(world->user_file, "[Wallet]\nRelay=https://one.example\n");
        start(world);
        g_assert_cmpint(rename(tigress, aside), ==, 0);
        test_wait_count(&world->n_changes, 1);
        g_assert_null(tg_settings_relay(world->settings));
        g_assert_cmpint(rename(aside, tigress), ==, 0);
        test_wait_count(&world->n_changes, 2);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://one.example");
}

static void
test_a_change_for_the_worse_is_not_taken(void)
{
        g_autoptr(World) world = world_new();

        put(world->user_file, "[Wallet]\nRelay=https://one.example\n");
        start(world);
        put(world->user_file, "[Wallet]\nRelay=https://two.example\nNonsense=1\n");
        while (warnings->len == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpstr(tg_settings_relay(world->settings), ==, "https://one.example");
        g_assert_cmpuint(world->n_changes, ==, 0);

        /* A file that says the same in other words is no change. */
        put(world->user_file, "# a comment\n[Wallet]\nRelay=https://ONE.example/\n");
        put(world->system_file, "[Wallet]\nTrustedRelays=https://new.example\n");
        test_wait_count(&world->n_changes, 1);
        assert_trusts(world, "https://new.example https://one.example");
}

/* Also for directories that are not there. */
static void
test_watching_costs_no_wake_up(void)
{
        g_autoptr(World) world = world_new();

        put(world->system_file, "[Wallet]\n");
        start(world);
        test_settle();
        test_begin_polls();
        test_wait_a_second();
        g_assert_cmpuint(test_end_polls(), <=, 3);
}

int
main(int argc, char **argv)
{
        int status;

        test_init(&argc, &argv);
        warnings = g_string_new(NULL);
        g_log_set_writer_func(keep_warnings, NULL, NULL);
        g_test_add_func("/settings/without-files-nothing-is-set",
                        test_without_files_nothing_is_set);
        g_test_add_func("/settings/the-user-wins-and-lists-add-up",
                        test_the_user_wins_and_lists_add_up);
        g_test_add_func("/settings/origins-are-compared-in-one-spelling",
                        test_origins_are_compared_in_one_spelling);
        g_test_add_func("/settings/an-empty-value-takes-back", test_an_empty_value_takes_back);
        g_test_add_func("/settings/a-broken-file-is-refused-whole",
                        test_a_broken_file_is_refused_whole);
        g_test_add_func("/settings/what-is-no-file-of-settings-is-refused",
                        test_what_is_no_file_of_settings_is_refused);
        g_test_add_func("/settings/a-change-is-noticed", test_a_change_is_noticed);
        g_test_add_func("/settings/a-file-is-read-when-its-writer-is-done",
                        test_a_file_is_read_when_its_writer_is_done);
        g_test_add_func("/settings/a-link-to-a-file-is-noticed", test_a_link_to_a_file_is_noticed);
        g_test_add_func("/settings/directories-may-come-later", test_directories_may_come_later);
        g_test_add_func("/settings/a-renamed-directory-is-noticed",
                        test_a_renamed_directory_is_noticed);
        g_test_add_func("/settings/a-change-for-the-worse-is-not-taken",
                        test_a_change_for_the_worse_is_not_taken);
        g_test_add_func("/settings/watching-costs-no-wake-up", test_watching_costs_no_wake_up);
        status = test_run();
        g_string_free(warnings, TRUE);
        return status;
}
