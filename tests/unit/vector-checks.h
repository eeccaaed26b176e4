/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of test vectors mean: for each file its sections, for each
 * section what its vectors say of protocol/.
 */

#include "tests/unit/vector-file.h"

/* One vector: NULL when it passes, else what went wrong, in new memory. */
typedef char *(*Check)(const Node *vector);

typedef struct {
        const char *name;
        Check check;
} Section;

typedef struct {
        const char *name;
        const Section *sections; /* NULL: of a part that this version has not, or one vector */
        Check check;             /* of the file as a whole, where it is one vector */
} KnownFile;

/* NULL for a name that nobody knows. */
const KnownFile *known_file_find(const char *name);
