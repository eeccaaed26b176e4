/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * replay-NAME FILE-OR-FOLDER…: runs what a fuzzer has found before, once each and in order. In
 * ordinary builds this takes the place of libFuzzer.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static gboolean
replay_file(const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *contents = NULL;
        g_autofree guint8 *exact = NULL;
        gsize n_bytes;

        if (!g_file_get_contents(path, &contents, &n_bytes, &error)) {
                fprintf(stderr, "replay: %s\n", error->message);
                return FALSE;
        }

        /* a block without GLib's zero after it, so that reading too far is seen */
        exact = g_malloc(MAX(n_bytes, 1));
        memcpy(exact, contents, n_bytes);
        if (g_getenv("FUZZ_VERBOSE"))
                fprintf(stderr, "replay: %s\n", path);
        LLVMFuzzerTestOneInput(exact, n_bytes);

        return TRUE;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* -1: one could not be read. */
static int
replay(const char *path)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;

        if (!folder)
                return replay_file(path) ? 1 : -1;

        while ((name = g_dir_read_name(folder)))
                g_ptr_array_add(names, g_build_filename(path, name, NULL));
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++)
                if (!replay_file(g_ptr_array_index(names, i)))
                        return -1;

        return (int)names->len;
}

int
main(int argc, char **argv)
{
        int n_inputs = 0;

        LLVMFuzzerInitialize(&argc, &argv);
        for (int i = 1; i < argc; i++) {
                int n = replay(argv[i]);

                if (n < 0)
                        return EXIT_FAILURE;
                n_inputs += n;
        }
        if (n_inputs == 0) {
                fprintf(stderr, "replay: there is nothing in it to replay\n");
                return EXIT_FAILURE;
        }
        printf("%d inputs\n", n_inputs);

        return EXIT_SUCCESS;
}
