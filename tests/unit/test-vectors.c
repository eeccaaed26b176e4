/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs files of test vectors: those of the folder in TIGRESS_VECTORS, by default
 * tests/vectors. Which files there are is the folder's business; one that nobody
 * knows is an error, and so is a folder of which nothing ran.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/secret.h"
#include "tests/unit/vector-checks.h"
#include "tests/unit/vector-file.h"

static const Section *
find_section(const KnownFile *known, const char *name)
{
        for (const Section *section = known->sections; section->name; section++)
                if (g_str_equal(section->name, name))
                        return section;

        return NULL;
}

static void
run_section(const KnownFile *known,
            const Section *section,
            const Node *list,
            guint *n_run,
            guint *n_bad)
{
        for (guint i = 0; i < list->children->len; i++) {
                const Node *vector = g_ptr_array_index(list->children, i);
                const Node *name = node_get(vector, "name");
                g_autofree char *wrong = section->check(vector);

                (*n_run)++;
                if (!wrong)
                        continue;
                (*n_bad)++;
                printf("%s: %s %u%s%s: %s\n",
                       known->name,
                       section->name,
                       i + 1,
                       name ? ", " : "",
                       name && name->text ? name->text->str : "",
                       wrong);
        }
}

/* FALSE when anything is wrong with the file. */
static gboolean
run_file(const KnownFile *known, const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(VectorFile) file = vector_file_read(path, &error);
        guint n_run = 0, n_bad = 0;

        if (!file) {
                printf("%s\n", error->message);
                return FALSE;
        }
        if (known->check) {
                g_autofree char *wrong = known->check(file->root);

                if (wrong)
                        printf("%s: %s\n", known->name, wrong);
                n_run++;
                n_bad += wrong != NULL;
        }
        for (guint i = 0; known->sections && i < file->root->children->len; i++) {
                const Node *list = g_ptr_array_index(file->root->children, i);
                const Section *section = find_section(known, list->name);

                if (list->type != NODE_ARRAY)
                        continue; /* a remark */
                if (section) {
                        run_section(known, section, list, &n_run, &n_bad);
                } else {
                        printf("%s: nobody knows the section %s\n", known->name, list->name);
                        n_bad++;
                }
        }
        printf("%s: %u cases, %u wrong\n", known->name, n_run, n_bad);

        return n_run > 0 && n_bad == 0;
}

static int
compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
list_folder(const char *folder)
{
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir)))
                if (g_str_has_suffix(name, ".json"))
                        g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);

        return names;
}

int
main(int argc, char **argv)
{
        const char *folder = g_getenv("TIGRESS_VECTORS");
        g_autoptr(GPtrArray) names = NULL;
        guint n_files = 0, n_wrong = 0;

        setvbuf(stdout, NULL, _IOLBF, 0); /* what was said before a failed assertion counts */
        if (!folder || !*folder)
                folder = DEFAULT_VECTORS;
        if (tg_secret_init(8 * 1024 * 1024) == TG_SECRET_HEAP_FAILED)
                g_error("no memory for secrets");

        names = list_folder(folder);
        for (guint i = 0; i < names->len; i++) {
                const char *name = g_ptr_array_index(names, i);
                const KnownFile *known = known_file_find(name);
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (!known) {
                        printf("%s: nobody knows vectors of this name\n", name);
                        n_wrong++;
                } else if (!known->sections && !known->check) {
                        printf("%s: skipped, not implemented by this version\n", name);
                } else {
                        n_files++;
                        n_wrong += !run_file(known, path);
                }
        }

        if (n_files == 0)
                printf("%s: there are no vectors here that can be run\n", folder);
        printf("%u files of %s, %u of them wrong\n", n_files, folder, n_wrong);

        return n_files == 0 || n_wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
