/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seek NEEDLES HAYSTACK…
 *
 * Says what of the needles is in the haystacks, a line each: "HAYSTACK OFFSET NAME". Any eight
 * octets of one are found (seven of one that has no more), as they are, in hexadecimal and in
 * base64, wherever they begin.
 *
 * NEEDLES is a row of: kind (1 octet), length of the name (2, little endian), name, length (4),
 * octets. Kinds: 'o' octets, 'b' many octets (base64 from their beginning alone), 't' text, 's'
 * text in which only twelve characters are not found elsewhere by chance, 'u' text of hexadecimal
 * digits, of which sixteen are eight octets.
 */

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define RAW_WINDOW 8
#define BASE64_WINDOW 12
#define HEX_WINDOW 16
#define MAX_PRINTED 20000
#define SIEVE_BITS 26

typedef struct {
        char *name;
        guint64 first; /* of its octets in the forms of one window */
} Form;

/* All that is looked for with one width of window. */
typedef struct {
        guint window;
        GByteArray *octets; /* the forms, one after another */
        GArray *forms;      /* Form */
        guint64 n_windows;
        guint32 *slots; /* offset + 1 into octets, 0: free */
        guint64 n_slots;
        guint8 *sieve; /* a bit where there may be one */
} Sought;

static Sought soughts[] = {
        {.window = RAW_WINDOW - 1},
        {.window = RAW_WINDOW},
        {.window = BASE64_WINDOW},
        {.window = HEX_WINDOW},
};
static guint n_printed;

static guint64
hash(const guint8 *bytes, guint n_bytes)
{
        guint64 first = 0, last;

        if (n_bytes < 8) {
                memcpy(&first, bytes, n_bytes);
                last = 0;
        } else {
                memcpy(&first, bytes, 8);
                memcpy(&last, bytes + n_bytes - 8, 8);
        }
        first = (first ^ (last * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15))) *
                G_GUINT64_CONSTANT(0xff51afd7ed558ccd);

        return first ^ (first >> 29);
}

/* ---- needles ---- */

static Sought *
find_sought(guint window)
{
        for (guint i = 0; i < G_N_ELEMENTS(soughts); i++)
                if (soughts[i].window == window)
                        return &soughts[i];

        g_assert_not_reached();
}

static void
add(guint window, const char *name, const void *octets, gsize n_octets)
{
        Sought *sought = find_sought(window);
        Form form = {.name = g_strdup(name), .first = sought->octets->len};

        if (n_octets < window) {
                g_free(form.name);
                return;
        }
        g_array_append_val(sought->forms, form);
        g_byte_array_append(sought->octets, octets, (guint)n_octets);
}

static void
add_hex(const char *name, const guint8 *octets, gsize n_octets)
{
        g_autoptr(GString) hex = g_string_new(NULL);
        g_autofree char *upper = NULL;

        for (gsize i = 0; i < n_octets; i++)
                g_string_append_printf(hex, "%02x", octets[i]);
        upper = g_ascii_strup(hex->str, -1);
        add(HEX_WINDOW, name, hex->str, hex->len);
        add(HEX_WINDOW, name, upper, hex->len);
}

/* As it is when @n_before octets of something else are before it in one encoding: without the
 * characters that have bits of others. */
static void
add_base64(const char *name, const guint8 *octets, gsize n_octets, gsize n_before)
{
        g_autofree guint8 *all = g_malloc0(n_before + n_octets);
        g_autofree char *text = NULL;
        gsize first = (n_before * 8 + 5) / 6, end = (n_before + n_octets) * 8 / 6;

        memcpy(all + n_before, octets, n_octets);
        text = g_base64_encode(all, n_before + n_octets);
        add(BASE64_WINDOW, name, text + first, end - first);
        if (!strpbrk(text, "+/"))
                return;
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        add(BASE64_WINDOW, name, text + first, end - first);
}

static void
add_needle(char kind, const char *name, const guint8 *octets, gsize n_octets)
{
        g_autofree char *upper = NULL;

        switch (kind) {
        case 'o':
        case 'b':
                add(n_octets < RAW_WINDOW ? RAW_WINDOW - 1 : RAW_WINDOW, name, octets, n_octets);
                for (gsize i = 0; i < (kind == 'o' ? 3 : 1); i++)
                        add_base64(name, octets, n_octets, i);
                if (kind == 'o')
                        add_hex(name, octets, n_octets);
                return;
        case 't':
                add(RAW_WINDOW, name, octets, n_octets);
                return;
        case 's':
                add(BASE64_WINDOW, name, octets, n_octets);
                return;
        case 'u':
                upper = g_ascii_strup((const char *)octets, (gssize)n_octets);
                add(HEX_WINDOW, name, octets, n_octets);
                add(HEX_WINDOW, name, upper, n_octets);
                return;
        default:
                g_error("no such kind of needle");
        }
}

static void
read_needles(const char *path)
{
        g_autofree char *all = NULL;
        gsize n_all, at = 0;

        if (!g_file_get_contents(path, &all, &n_all, NULL))
                g_error("cannot read %s", path);
        while (at < n_all) {
                char kind = all[at];
                g_autofree char *name = NULL;
                guint16 n_name;
                guint32 n_octets;

                memcpy(&n_name, all + at + 1, sizeof n_name);
                name = g_strndup(all + at + 3, n_name);
                at += 3U + n_name;
                memcpy(&n_octets, all + at, sizeof n_octets);
                at += sizeof n_octets;
                g_assert(at + n_octets <= n_all);
                add_needle(kind, name, (const guint8 *)all + at, n_octets);
                at += n_octets;
        }
}

static guint64
form_end(const Sought *sought, guint i)
{
        return i + 1 < sought->forms->len ? g_array_index(sought->forms, Form, i + 1).first
                                          : sought->octets->len;
}

static void
index_forms(Sought *sought)
{
        sought->n_slots = 1024;
        while (sought->n_slots < 2 * (guint64)sought->octets->len)
                sought->n_slots *= 2;
        sought->slots = g_new0(guint32, sought->n_slots);
        sought->sieve = g_malloc0((gsize)1 << (SIEVE_BITS - 3));
        for (guint i = 0; i < sought->forms->len; i++) {
                guint64 end = form_end(sought, i);

                for (guint64 at = g_array_index(sought->forms, Form, i).first;
                     at + sought->window <= end;
                     at++) {
                        guint64 code = hash(sought->octets->data + at, sought->window);
                        guint64 slot = code & (sought->n_slots - 1);
                        guint64 bit = code >> (64 - SIEVE_BITS);

                        sought->sieve[bit / 8] |= (guint8)(1 << bit % 8);
                        while (sought->slots[slot] != 0)
                                slot = (slot + 1) & (sought->n_slots - 1);
                        sought->slots[slot] = (guint32)at + 1;
                }
        }
}

/* ---- haystacks ---- */

/* NULL: it is none of them. */
static const char *
look_up(const Sought *sought, const guint8 *bytes)
{
        guint64 code = hash(bytes, sought->window);
        guint64 slot = code & (sought->n_slots - 1), bit = code >> (64 - SIEVE_BITS);
        guint low = 0, high = sought->forms->len;

        if (!(sought->sieve[bit / 8] & (1 << bit % 8)))
                return NULL;
        while (sought->slots[slot] != 0 &&
               memcmp(sought->octets->data + sought->slots[slot] - 1, bytes, sought->window) != 0)
                slot = (slot + 1) & (sought->n_slots - 1);
        if (sought->slots[slot] == 0)
                return NULL;
        while (high - low > 1) {
                guint middle = (low + high) / 2;

                if (g_array_index(sought->forms, Form, middle).first < sought->slots[slot])
                        low = middle;
                else
                        high = middle;
        }

        return g_array_index(sought->forms, Form, low).name;
}

static void
seek(const char *path, const guint8 *bytes, gsize n_bytes, const Sought *sought)
{
        const char *last = NULL;

        for (gsize at = 0; at + sought->window <= n_bytes; at++) {
                const char *name;

                if (bytes[at] == 0 && bytes[at + 1] == 0 && bytes[at + 2] == 0)
                        continue; /* what is looked for is random, or text */
                name = look_up(sought, bytes + at);
                if (name && name != last && n_printed++ < MAX_PRINTED)
                        printf("%s %" G_GSIZE_FORMAT " %s\n", path, at, name);
                last = name;
        }
}

static void
seek_file(const char *path)
{
        g_autofree char *bytes = NULL;
        g_autoptr(GError) error = NULL;
        gsize n_bytes;

        /* Read and not mapped, for the relay may be making it shorter; what it has removed since
         * it was named holds nothing. */
        if (!g_file_get_contents(path, &bytes, &n_bytes, &error)) {
                if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                        g_error("%s", error->message);
                return;
        }
        for (guint i = 0; i < G_N_ELEMENTS(soughts); i++)
                if (soughts[i].forms->len > 0 && n_bytes > 0)
                        seek(path, (const guint8 *)bytes, n_bytes, &soughts[i]);
}

int
main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        for (guint i = 0; i < G_N_ELEMENTS(soughts); i++) {
                soughts[i].octets = g_byte_array_new();
                soughts[i].forms = g_array_new(FALSE, FALSE, sizeof(Form));
        }
        read_needles(argv[1]);
        for (guint i = 0; i < G_N_ELEMENTS(soughts); i++)
                index_forms(&soughts[i]);
        for (int i = 2; i < argc; i++)
                seek_file(argv[i]);

        return 0;
}
