/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The check of the log's chain, of what a wallet says: each way in which it can be wrong is found,
 * and the first entry that is wrong is named. */

#include <string.h>

#include "cli/log-book.h"
#include "protocol/error.h"

#define N_ENTRIES 5

static TgLogRow *
row_at(const TgLogBook *book, guint index)
{
        return g_ptr_array_index(book->rows, index);
}

static void
free_row(gpointer data)
{
        TgLogRow *row = data;

        tg_log_entry_clear(&row->entry);
        g_free(row);
}

/* As a wallet tells it, with @n_dropped entries before. */
static TgLogBook *
new_book(guint n_dropped)
{
        TgLogBook *book = g_new0(TgLogBook, 1);
        TgLogPlace at = {.number = n_dropped};

        book->rows = g_ptr_array_new_with_free_func(free_row);
        memset(at.hash, (int)n_dropped, sizeof at.hash);
        book->base = at;
        for (guint i = 0; i < N_ENTRIES; i++) {
                TgLogRow *row = g_new0(TgLogRow, 1);

                row->entry.number = ++at.number;
                row->entry.time_s = 1700000000 + i;
                row->entry.act = g_strdup("given");
                row->entry.title = g_strdup_printf("title %u", i);
                tg_log_entry_hash(&row->entry, at.hash, at.hash);
                memcpy(row->hash, at.hash, sizeof at.hash);
                g_ptr_array_add(book->rows, row);
        }
        book->last = at;
        return book;
}

static void
assert_wrong(const TgLogBook *book, const char *what)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(tg_log_book_check(book, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_TAMPERED);
        if (!g_str_has_prefix(error->message, what))
                g_error("says: %s", error->message);
}

static void
test_a_right_one_is_right(void)
{
        for (guint n_dropped = 0; n_dropped < 3; n_dropped++) {
                g_autoptr(TgLogBook) book = new_book(n_dropped);
                g_autoptr(GError) error = NULL;

                tg_log_book_check(book, &error);
                g_assert_no_error(error);
        }
}

static void
test_a_changed_entry(void)
{
        g_autoptr(TgLogBook) book = new_book(0);

        g_free(row_at(book, 2)->entry.title);
        row_at(book, 2)->entry.title = g_strdup("another");
        assert_wrong(book, "entry 3 does not follow");
}

/* With a hash that fits it: then it is the next that does not. */
static void
test_a_replaced_entry(void)
{
        g_autoptr(TgLogBook) book = new_book(0);
        TgLogRow *row = row_at(book, 2);

        row->entry.time_s--;
        tg_log_entry_hash(&row->entry, row_at(book, 1)->hash, row->hash);
        assert_wrong(book, "entry 4 does not follow");
}

static void
test_all_rehashed_from_there_on(void)
{
        g_autoptr(TgLogBook) book = new_book(0);

        row_at(book, 2)->entry.time_s--;
        for (guint i = 2; i < N_ENTRIES; i++)
                tg_log_entry_hash(
                        &row_at(book, i)->entry, row_at(book, i - 1)->hash, row_at(book, i)->hash);
        assert_wrong(book, "entry 5 is not the one that the wallet wrote last");
}

static void
test_an_entry_that_does_not_open(void)
{
        g_autoptr(TgLogBook) book = new_book(0);

        row_at(book, 1)->is_changed = TRUE;
        assert_wrong(book, "entry 2 was changed");
}

static void
test_swapped_entries(void)
{
        g_autoptr(TgLogBook) book = new_book(0);
        gpointer third = book->rows->pdata[2];

        book->rows->pdata[2] = book->rows->pdata[3];
        book->rows->pdata[3] = third;
        assert_wrong(book, "entry 3 is missing");
        row_at(book, 2)->entry.number = 3;
        row_at(book, 3)->entry.number = 4;
        assert_wrong(book, "entry 3 does not follow");
}

static void
test_an_entry_twice(void)
{
        g_autoptr(TgLogBook) book = new_book(0);

        row_at(book, 3)->entry.number = 3;
        assert_wrong(book, "entry 3 is out of its place");
}

static void
test_missing_entries(void)
{
        g_autoptr(TgLogBook) first = new_book(0);
        g_autoptr(TgLogBook) middle = new_book(0);
        g_autoptr(TgLogBook) end = new_book(0);
        g_autoptr(TgLogBook) all = new_book(0);

        g_ptr_array_remove_index(first->rows, 0);
        assert_wrong(first, "entry 1 is missing");
        g_ptr_array_remove_index(middle->rows, 2);
        assert_wrong(middle, "entry 3 is missing");
        g_ptr_array_remove_index(end->rows, 4);
        assert_wrong(end, "entry 5 is missing");
        g_ptr_array_set_size(all->rows, 0);
        assert_wrong(all, "entry 1 is missing");
}

/* Somebody says that more was dropped than was. */
static void
test_another_base(void)
{
        g_autoptr(TgLogBook) book = new_book(2);

        g_ptr_array_remove_index(book->rows, 0);
        book->base.number++;
        assert_wrong(book, "entry 4 does not follow");
}

static void
test_what_was_noted(void)
{
        g_autoptr(TgLogBook) book = new_book(2);
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        TgLogPlace place = {.number = 4};

        memcpy(place.hash, row_at(book, 1)->hash, sizeof place.hash);
        text = tg_log_place_text(&place);
        memset(&place, 0, sizeof place);
        g_assert_true(tg_log_place_parse(text, &place, &error));
        g_assert_true(tg_log_book_has(book, &place, &error));
        g_assert_true(tg_log_book_has(book, &book->base, &error));
        g_assert_true(tg_log_book_has(book, &book->last, &error));

        place.hash[0] ^= 1;
        g_assert_false(tg_log_book_has(book, &place, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_TAMPERED);
        g_clear_error(&error);
        place.number = 8;
        g_assert_false(tg_log_book_has(book, &place, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_TAMPERED);
        g_clear_error(&error);
        place.number = 1;
        g_assert_false(tg_log_book_has(book, &place, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(tg_log_place_parse("4:abcd", &place, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/log-book/a-right-one-is-right", test_a_right_one_is_right);
        g_test_add_func("/log-book/a-changed-entry", test_a_changed_entry);
        g_test_add_func("/log-book/a-replaced-entry", test_a_replaced_entry);
        g_test_add_func("/log-book/all-rehashed-from-there-on", test_all_rehashed_from_there_on);
        g_test_add_func("/log-book/an-entry-that-does-not-open", test_an_entry_that_does_not_open);
        g_test_add_func("/log-book/swapped-entries", test_swapped_entries);
        g_test_add_func("/log-book/an-entry-twice", test_an_entry_twice);
        g_test_add_func("/log-book/missing-entries", test_missing_entries);
        g_test_add_func("/log-book/another-base", test_another_base);
        g_test_add_func("/log-book/what-was-noted", test_what_was_noted);

        return g_test_run();
}
