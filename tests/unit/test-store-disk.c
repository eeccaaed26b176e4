/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The store and its disk: whose the files are, what lies in them, what a crash and a
 * full disk leave.
 */

#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store-fixture.h"

/* ---- whose it is ---- */

static void
assert_mode(const char *path, mode_t mode)
{
        struct stat status;

        g_assert_cmpint(stat(path, &status), ==, 0);
        g_assert_cmpint(status.st_mode & 07777, ==, mode);
}

static void
test_folder_and_files_are_the_users_alone(StoreFixture *f, gconstpointer data)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
        mode_t mask = umask(0);

        store_close(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        store_reopen(f);
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        umask(mask);
        assert_mode(f->folder, 0700);
        assert_mode(f->path, 0600);
        assert_mode(log, 0600);
}

static void
test_a_place_that_others_may_use_is_refused(StoreFixture *f, gconstpointer data)
{
        store_close(f);
        g_assert_cmpint(g_chmod(f->folder, 0750), ==, 0);
        store_assert_open_refused(f, "chmod go=");
        g_assert_cmpint(g_chmod(f->folder, 0700), ==, 0);
        g_assert_cmpint(g_chmod(f->path, 0604), ==, 0);
        store_assert_open_refused(f, "chmod go=");
        g_assert_cmpint(g_chmod(f->path, 0600), ==, 0);
        store_open(f);
}

static void
test_a_place_of_another_user_is_refused(StoreFixture *f, gconstpointer data)
{
        store_close(f);
        if (chown(f->path, 12345, 12345) < 0) {
                g_test_skip("only root can give a file away");
                return;
        }
        store_assert_open_refused(f, "another user");
        g_assert_cmpint(chown(f->path, 0, 0), ==, 0);
        g_assert_cmpint(chown(f->folder, 12345, 12345), ==, 0);
        store_assert_open_refused(f, "another user");
        g_assert_cmpint(chown(f->folder, 0, 0), ==, 0);
}

static void
test_what_is_no_file_is_refused(StoreFixture *f, gconstpointer data)
{
        g_autofree char *elsewhere = g_strconcat(f->path, ".elsewhere", NULL);

        store_close(f);
        g_assert_cmpint(g_rename(f->path, elsewhere), ==, 0);
        g_assert_cmpint(symlink(elsewhere, f->path), ==, 0);
        store_assert_open_refused(f, "is not a file");
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
        store_assert_open_refused(f, "is not a file");
        g_assert_cmpint(g_rmdir(f->path), ==, 0);
}

static void
test_a_second_daemon_is_refused(StoreFixture *f, gconstpointer data)
{
        store_assert_open_refused(f, "another tigressd");
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        store_reopen(f);
        store_assert_rows(f, "00 claiming x 1;");
}

static void
test_foreign_newer_and_damaged_files_are_refused(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        store_tamper(f, "PRAGMA user_version = 2");
        store_assert_open_refused(f, "newer tigressd");
        store_tamper(f, "PRAGMA user_version = 1; PRAGMA application_id = 5");
        store_assert_open_refused(f, "not of tigressd");
        g_assert_true(g_file_set_contents_full(
                f->path, "no database", -1, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        store_assert_open_refused(f, "damaged");
}

/* A log that was left beside a file that is gone is not written into the new one. */
static void
test_a_new_file_takes_nothing_from_an_old_log(StoreFixture *f, gconstpointer data)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
        g_autofree char *octets = NULL;
        gsize n_octets;
        g_autoptr(GError) error = NULL;

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        g_assert_true(g_file_get_contents(log, &octets, &n_octets, &error));
        g_assert_cmpuint(n_octets, >, 0);
        store_close(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_true(g_file_set_contents_full(
                log, octets, (gssize)n_octets, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_NEW);
        store_assert_rows(f, "");
}

/* ---- what is on the disk ---- */

static gboolean
file_holds(const char *path, const void *octets, gsize n_octets)
{
        g_autofree char *text = NULL;
        gsize n_text;

        return g_file_get_contents(path, &text, &n_text, NULL) &&
               memmem(text, n_text, octets, n_octets) != NULL;
}

static gboolean
store_holds(StoreFixture *f, const void *octets, gsize n_octets)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);

        return file_holds(f->path, octets, n_octets) || file_holds(log, octets, n_octets);
}

static void
test_file_and_log_hold_no_canary(StoreFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) detail = helper_secret(CANARY);
        TgCredentialRow credential = {.id = (char *)ID_B, .share_id = (char *)ID_A};

        store_save_new(f, ID_A, TG_STATE_CLAIMING, CANARY, CANARY);
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, NULL));
        g_assert_true(store_holds(f, ID_A, strlen(ID_A))); /* so we do look at the right octets */
        g_assert_false(store_holds(f, CANARY, strlen(CANARY)));
        g_assert_false(store_holds(f, tg_secret_get(f->key, NULL), 32));
        store_close(f);
        g_assert_true(store_holds(f, ID_A, strlen(ID_A)));
        g_assert_false(store_holds(f, CANARY, strlen(CANARY)));
}

static GBytes *
sealed_octets(StoreFixture *f, const char *table)
{
        g_autofree char *sql = g_strconcat("SELECT ", table, NULL);
        sqlite3_stmt *statement = NULL;
        sqlite3 *db = NULL;
        GBytes *octets;

        store_close(f);
        g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
        octets = g_bytes_new(sqlite3_column_blob(statement, 0),
                             (gsize)sqlite3_column_bytes(statement, 0));
        sqlite3_finalize(statement);
        sqlite3_close(db);
        store_reopen(f);
        return octets;
}

static gboolean
on_deadline(gpointer user_data)
{
        g_error("nothing came within a minute");
        return G_SOURCE_REMOVE;
}

/* Also while the daemon runs on. */
static void
test_a_forgotten_share_leaves_file_and_log(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GBytes) detail = NULL;
        g_autoptr(GBytes) body = NULL;
        g_autofree char *text = g_strnfill(30000, 'x');
        guint deadline = g_timeout_add_seconds(60, on_deadline, NULL);

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", text);
        detail = sealed_octets(f, "detail FROM share");
        body = sealed_octets(f, "sealed FROM body");
        g_assert_true(store_holds(f, g_bytes_get_data(detail, NULL), g_bytes_get_size(detail)));
        g_assert_true(store_holds(f, g_bytes_get_data(body, NULL), 64));

        g_assert_true(tg_store_forget_share(f->store, ID_A, NULL));
        while (store_holds(f, g_bytes_get_data(detail, NULL), 32) ||
               store_holds(f, g_bytes_get_data(body, NULL), 64) ||
               store_holds(f, ID_A, strlen(ID_A)))
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(deadline);
}

/* ---- crashes ---- */

/* Runs @func in a process that is killed after it, whatever it holds. */
static void
crash_in(void (*func)(StoreFixture *f), StoreFixture *f)
{
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                store_open(f);
                tg_store_set_key(f->store, f->key);
                func(f);
                raise(SIGKILL);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
save_half(StoreFixture *f)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_EXCHANGING);

        row.version = 1;
        g_assert_true(tg_store_begin(f->store, NULL));
        store_save(f, &row, "half", "half");
}

static void
save_whole(StoreFixture *f)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_EXCHANGING);

        row.version = 1;
        store_save(f, &row, "whole", "whole");
}

static void
test_a_crash_leaves_all_of_a_change_or_nothing(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "before", "before");
        store_close(f);
        crash_in(save_half, f);
        store_reopen(f);
        store_assert_rows(f, "00 claiming before 1;");
        store_assert_body(f, ID_A, "before");
        store_close(f);
        crash_in(save_whole, f);
        store_reopen(f);
        store_assert_rows(f, "00 exchanging whole 2;");
        store_assert_body(f, ID_A, "whole");
}

static void
read_version(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        guint64 *version = user_data;

        g_assert_no_error(error);
        *version = row->version;
}

/* What was said to be saved is there, wherever the axe falls. */
static void
test_what_was_told_survives_kill_9(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(1);

        store_close(f);
        for (guint i = 0; i < 20; i++) {
                guint64 told = 0;
                guint64 found = 0;
                int ends[2];
                pid_t pid;

                g_assert_cmpint(pipe(ends), ==, 0);
                pid = fork();
                if (pid == 0) {
                        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

                        store_open(f);
                        tg_store_set_key(f->store, f->key);
                        tg_store_each_share(f->store, read_version, &row.version, NULL);
                        for (;;) {
                                store_save(f, &row, "x", row.version % 3 ? NULL : "body");
                                g_assert_cmpint(write(ends[1], &row.version, 8), ==, 8);
                        }
                }
                close(ends[1]);
                for (guint n = g_rand_int_range(random, 1, 300); n > 0; n--)
                        g_assert_cmpint(read(ends[0], &told, 8), ==, 8);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                while (read(ends[0], &told, 8) == 8)
                        ;
                close(ends[0]);

                g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
                tg_store_each_share(f->store, read_version, &found, NULL);
                g_assert_cmpuint(found, >=, told);
                store_close(f);
        }
}

/* A crash while the file is made leaves one that the next start makes anew. */
static void
test_half_a_new_file_is_made_again(StoreFixture *f, gconstpointer data)
{
        g_autofree char *half = g_strconcat(f->path, ".new", NULL);

        store_close(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_true(g_file_set_contents(half, "half a database", -1, NULL));
        store_open(f);
        g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
}

/* ---- a full disk ---- */

/* A save fails with a sentence, nothing changes, and when there is room again the same
 * store goes on. */
static void
check_full_disk(StoreFixture *f, void (*fill)(StoreFixture *f), void (*make_room)(StoreFixture *f))
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);
        g_autofree char *text = g_strnfill(40000, 'x');
        g_autoptr(TgSecret) detail = helper_secret("after");
        g_autoptr(TgSecret) body = helper_secret(text);
        g_autoptr(GError) error = NULL;
        guint64 version;

        store_save(f, &row, "before", "body");
        fill(f);
        for (version = row.version; tg_store_save_share(f->store, &row, detail, body, &error);
             version = row.version)
                ;
        g_assert_cmpuint(row.version, ==, version);
        helper_assert_error(error, TG_ERROR_FAILED, CANARY);
        g_assert_cmpstr(
                error->message, ==, "cannot save the share: the disk is full; free some space");
        g_assert_false(tg_store_save_share(f->store, &row, detail, body, NULL));

        make_room(f);
        row.state = TG_STATE_EXCHANGING;
        store_save(f, &row, "room", "new body");
        store_reopen(f);
        store_assert_body(f, ID_A, "new body");
        store_close(f);
}

static void
limit_files(rlim_t n_bytes)
{
        struct rlimit limit = {.rlim_cur = n_bytes, .rlim_max = RLIM_INFINITY};

        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void
fill_limit(StoreFixture *f)
{
        signal(SIGXFSZ, SIG_IGN);
        limit_files(200 * 1024);
}

static void
lift_limit(StoreFixture *f)
{
        limit_files(RLIM_INFINITY);
}

static void
test_a_limit_is_outlived(StoreFixture *f, gconstpointer data)
{
        check_full_disk(f, fill_limit, lift_limit);
}

static void
fill_disk(StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->folder, "ballast", NULL);
        g_autofree char *block = g_malloc0(4096);
        FILE *file = g_fopen(path, "w");

        while (fwrite(block, 1, 4096, file) == 4096 && fflush(file) == 0)
                ;
        fclose(file);
}

static void
free_disk(StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->folder, "ballast", NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
}

static void
test_a_full_disk_is_outlived(StoreFixture *f, gconstpointer data)
{
        store_close(f);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("small", f->folder, "tmpfs", 0, "size=1m,mode=0700") < 0) {
                g_test_skip("a small disk needs the right to mount");
                return;
        }
        store_reopen(f);
        check_full_disk(f, fill_disk, free_disk);
        g_assert_cmpint(umount2(f->folder, MNT_DETACH), ==, 0);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        STORE_ADD("folder-and-files-are-the-users-alone",
                  test_folder_and_files_are_the_users_alone);
        STORE_ADD("a-place-that-others-may-use-is-refused",
                  test_a_place_that_others_may_use_is_refused);
        STORE_ADD("a-place-of-another-user-is-refused", test_a_place_of_another_user_is_refused);
        STORE_ADD("what-is-no-file-is-refused", test_what_is_no_file_is_refused);
        STORE_ADD("a-second-daemon-is-refused", test_a_second_daemon_is_refused);
        STORE_ADD("foreign-newer-and-damaged-files-are-refused",
                  test_foreign_newer_and_damaged_files_are_refused);
        STORE_ADD("a-new-file-takes-nothing-from-an-old-log",
                  test_a_new_file_takes_nothing_from_an_old_log);
        STORE_ADD("file-and-log-hold-no-canary", test_file_and_log_hold_no_canary);
        STORE_ADD("a-forgotten-share-leaves-file-and-log",
                  test_a_forgotten_share_leaves_file_and_log);
        STORE_ADD("a-crash-leaves-all-of-a-change-or-nothing",
                  test_a_crash_leaves_all_of_a_change_or_nothing);
        STORE_ADD("what-was-told-survives-kill-9", test_what_was_told_survives_kill_9);
        STORE_ADD("half-a-new-file-is-made-again", test_half_a_new_file_is_made_again);
        STORE_ADD("a-limit-is-outlived", test_a_limit_is_outlived);
        STORE_ADD("a-full-disk-is-outlived", test_a_full_disk_is_outlived);

        return g_test_run();
}
