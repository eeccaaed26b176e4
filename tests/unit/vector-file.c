/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-file.h"

#include <string.h>

#define MAX_DEPTH 64

typedef struct {
        const char *at;
        const char *end;
        guint depth;
} Reader;

static Node *read_value(Reader *self);

static void
node_free(Node *node)
{
        g_free(node->name);
        if (node->text)
                g_string_free(node->text, TRUE);
        g_clear_pointer(&node->children, g_ptr_array_unref);
        g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

static void
skip_space(Reader *self)
{
        while (self->at < self->end && strchr(" \t\r\n", *self->at) && *self->at)
                self->at++;
}

static gboolean
take(Reader *self, const char *word)
{
        gsize n_chars = strlen(word);

        if ((gsize)(self->end - self->at) < n_chars || memcmp(self->at, word, n_chars) != 0)
                return FALSE;
        self->at += n_chars;

        return TRUE;
}

static gboolean
read_hex4(Reader *self, gunichar *ret_unit)
{
        gunichar unit = 0;

        if (self->end - self->at < 4)
                return FALSE;
        for (int i = 0; i < 4; i++) {
                int digit = g_ascii_xdigit_value(*self->at++);

                if (digit < 0)
                        return FALSE;
                unit = unit << 4 | (gunichar)digit;
        }
        *ret_unit = unit;

        return TRUE;
}

static gboolean
read_escape(Reader *self, GString *text)
{
        static const char letters[] = "\"\\/bfnrt";
        static const char octets[] = "\"\\/\b\f\n\r\t";
        const char *letter;
        gunichar unit, low;
        Reader ahead;

        if (self->at == self->end)
                return FALSE;
        letter = strchr(letters, *self->at);
        if (letter && *letter) {
                g_string_append_c(text, octets[letter - letters]);
                self->at++;
                return TRUE;
        }
        if (!take(self, "u") || !read_hex4(self, &unit))
                return FALSE;

        ahead = *self;
        if (unit >= 0xd800 && unit < 0xdc00 && take(&ahead, "\\u") && read_hex4(&ahead, &low) &&
            low >= 0xdc00 && low < 0xe000) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                *self = ahead;
        }
        g_string_append_unichar(text, unit);

        return TRUE;
}

static GString *
read_string(Reader *self)
{
        GString *text = g_string_new(NULL);

        self->at++; /* the quote */
        while (self->at < self->end && *self->at != '"') {
                gboolean is_right = TRUE;

                if (*self->at == '\\') {
                        self->at++;
                        is_right = read_escape(self, text);
                } else {
                        g_string_append_c(text, *self->at++);
                }
                if (!is_right)
                        break;
        }
        if (take(self, "\""))
                return text;

        g_string_free(text, TRUE);
        return NULL;
}

static gboolean
read_child(Reader *self, Node *parent)
{
        g_autoptr(Node) child = NULL;
        g_autoptr(GString) name = NULL;

        skip_space(self);
        if (parent->type == NODE_OBJECT) {
                name = self->at < self->end && *self->at == '"' ? read_string(self) : NULL;
                skip_space(self);
                if (!name || !take(self, ":"))
                        return FALSE;
        }
        child = read_value(self);
        if (!child)
                return FALSE;
        if (name)
                child->name = g_strdup(name->str);
        g_ptr_array_add(parent->children, g_steal_pointer(&child));
        skip_space(self);

        return TRUE;
}

static gboolean
read_children(Reader *self, Node *node, const char *close)
{
        node->children = g_ptr_array_new_with_free_func((GDestroyNotify)node_free);
        if (++self->depth > MAX_DEPTH)
                return FALSE;

        skip_space(self);
        if (!take(self, close)) {
                do {
                        if (!read_child(self, node))
                                return FALSE;
                } while (take(self, ","));
                if (!take(self, close))
                        return FALSE;
        }
        self->depth--;

        return TRUE;
}

static gboolean
read_into(Reader *self, Node *node)
{
        if (self->at == self->end)
                return FALSE;
        if (take(self, "null"))
                return TRUE;
        if (take(self, "{")) {
                node->type = NODE_OBJECT;
                return read_children(self, node, "}");
        }
        if (take(self, "[")) {
                node->type = NODE_ARRAY;
                return read_children(self, node, "]");
        }
        if (*self->at == '"') {
                node->type = NODE_STRING;
                node->text = read_string(self);
                return node->text != NULL;
        }
        if (*self->at == 't' || *self->at == 'f') {
                node->type = NODE_BOOLEAN;
                node->is_true = *self->at == 't';
                return take(self, node->is_true ? "true" : "false");
        }

        node->type = NODE_NUMBER;
        node->text = g_string_new(NULL);
        while (self->at < self->end && *self->at && strchr("+-.eE0123456789", *self->at))
                g_string_append_c(node->text, *self->at++);
        return node->text->len > 0;
}

static Node *
read_value(Reader *self)
{
        g_autoptr(Node) node = g_new0(Node, 1);

        skip_space(self);
        node->source = self->at;
        if (!read_into(self, node))
                return NULL;
        node->n_source = (gsize)(self->at - node->source);

        return g_steal_pointer(&node);
}

VectorFile *
vector_file_read(const char *path, GError **error)
{
        g_autoptr(VectorFile) file = g_new0(VectorFile, 1);
        Reader reader = {0};
        gsize n_bytes;

        if (!g_file_get_contents(path, &file->contents, &n_bytes, error))
                return NULL;
        reader.at = file->contents;
        reader.end = file->contents + n_bytes;
        file->root = read_value(&reader);
        skip_space(&reader);
        if (!file->root || file->root->type != NODE_OBJECT || reader.at < reader.end) {
                g_set_error(error,
                            G_FILE_ERROR,
                            G_FILE_ERROR_INVAL,
                            "%s is no file of vectors: it cannot be read at octet %d",
                            path,
                            (int)(reader.at - file->contents));
                return NULL;
        }

        return g_steal_pointer(&file);
}

void
vector_file_free(VectorFile *file)
{
        if (!file)
                return;

        g_clear_pointer(&file->root, node_free);
        g_free(file->contents);
        g_free(file);
}

const Node *
node_get(const Node *object, const char *name)
{
        for (guint i = 0; object->type == NODE_OBJECT && i < object->children->len; i++) {
                const Node *child = g_ptr_array_index(object->children, i);

                if (g_str_equal(child->name, name))
                        return child;
        }

        return NULL;
}

static const Node *
need(const Node *object, const char *name, NodeType type)
{
        const Node *node = node_get(object, name);

        if (!node || node->type != type)
                g_error("a vector has no member %s of the right type: %.*s",
                        name,
                        (int)MIN(object->n_source, 200),
                        object->source);

        return node;
}

const char *
node_text(const Node *object, const char *name)
{
        return need(object, name, NODE_STRING)->text->str;
}

const char *
node_text_or_null(const Node *object, const char *name)
{
        const Node *node = node_get(object, name);

        return !node || node->type == NODE_NULL ? NULL : node_text(object, name);
}

gint64
node_number(const Node *object, const char *name)
{
        return g_ascii_strtoll(need(object, name, NODE_NUMBER)->text->str, NULL, 10);
}

gboolean
node_boolean(const Node *object, const char *name)
{
        return need(object, name, NODE_BOOLEAN)->is_true;
}
