/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads files of test vectors. Not with the project's own scanner: that one is
 * under test, and refuses what vectors may well hold (lone surrogates, U+0000).
 */

#include <glib.h>

typedef enum {
        NODE_NULL,
        NODE_BOOLEAN,
        NODE_NUMBER,
        NODE_STRING,
        NODE_ARRAY,
        NODE_OBJECT
} NodeType;

typedef struct Node Node;

struct Node {
        NodeType type;
        char *name;    /* in an object */
        GString *text; /* string: octets, a lone surrogate in three; number: its digits */
        gboolean is_true;
        GPtrArray *children; /* of Node; array, object */
        const char *source;  /* where it stands in the file */
        gsize n_source;
};

typedef struct {
        char *contents; /* Node.source points into it */
        Node *root;
} VectorFile;

VectorFile *vector_file_read(const char *path, GError **error);
void vector_file_free(VectorFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VectorFile, vector_file_free)

/* NULL when there is none. */
const Node *node_get(const Node *object, const char *name);
/* These end the program when a vector lacks what its kind must have. */
const char *node_text(const Node *object, const char *name);
gint64 node_number(const Node *object, const char *name);
gboolean node_boolean(const Node *object, const char *name);
/* NULL for null. */
const char *node_text_or_null(const Node *object, const char *name);
