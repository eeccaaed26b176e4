/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/json-string.h"
#include "protocol/json.h"
#include "protocol/limits.h"

/*
 * Judges foreign text octet by octet, without recursion: containers are levels
 * of a small array, and the names of all open objects lie on one stack, so that
 * closing an object can sort its own and find two that are equal. Ten thousand
 * members cost n log n, not n squared.
 */

/* A member's name between its quotes; n_bytes is its length unescaped. */
typedef struct {
        const char *text;
        guint32 n_chars;
        guint32 n_bytes;
} Name;

typedef struct {
        gboolean is_object;
        gsize n_names_before; /* where its names begin in Scanner.names */
} Level;

#define N_NAMES_AT_HAND 32
/* Up to here comparing each with each is faster than sorting, and bounded. */
#define N_NAMES_COMPARED 8

typedef struct {
        const char *start;
        const char *at;
        const char *end;
        const char *wrong; /* the rule that was broken */

        Level levels[TG_MAX_JSON_DEPTH];
        gsize depth;

        /* names of all open objects, innermost last */
        Name *names;
        gsize n_names, n_names_room;
        Name names_at_hand[N_NAMES_AT_HAND];
} Scanner;

static gboolean
fail(Scanner *self, const char *rule)
{
        self->wrong = rule;
        return FALSE;
}

static void
skip_space(Scanner *self)
{
        while (self->at < self->end &&
               (*self->at == ' ' || *self->at == '\n' || *self->at == '\r' || *self->at == '\t'))
                self->at++;
}

/* Past the octets of a string that need no look: printable ASCII but quote and
 * reverse solidus. Eight at a time, for most of a body is one base64 string. */
static const char *
skip_plain(const char *at, const char *end)
{
        const guint64 ones = G_GUINT64_CONSTANT(0x0101010101010101);
        const guint64 highs = ones << 7;

        while (end - at >= 8) {
                guint64 word, quote, solidus;

                memcpy(&word, at, sizeof word);
                quote = word ^ ones * '"';
                solidus = word ^ ones * '\\';
                /* a borrow may mark an innocent octet after a guilty one, never hide one */
                if (((word - ones * 0x20) | word | (quote - ones) | (solidus - ones)) & highs)
                        break;
                at += 8;
        }
        while (at < end && (guint8)*at >= 0x20 && (guint8)*at < 0x80 && *at != '"' && *at != '\\')
                at++;

        return at;
}

/* One character beyond ASCII: no overlong form, no surrogate, nothing over U+10FFFF. */
static gboolean
scan_utf8(Scanner *self)
{
        static const char rule[] = "not valid utf-8";
        const guint8 *at = (const guint8 *)self->at;
        gsize n_left = (gsize)(self->end - self->at);
        guint8 low = 0x80, high = 0xbf;
        gsize n;

        if (at[0] < 0xc2 || at[0] > 0xf4)
                return fail(self, rule);
        n = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
        if (n > n_left)
                return fail(self, rule);

        /* the second octet's range is narrower after these first ones */
        if (at[0] == 0xe0)
                low = 0xa0;
        else if (at[0] == 0xed)
                high = 0x9f;
        else if (at[0] == 0xf0)
                low = 0x90;
        else if (at[0] == 0xf4)
                high = 0x8f;
        if (at[1] < low || at[1] > high)
                return fail(self, rule);
        for (gsize i = 2; i < n; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return fail(self, rule);

        self->at += n;
        return TRUE;
}

static gboolean
is_hex4(const char *at, const char *end)
{
        if (end - at < 4)
                return FALSE;
        for (int i = 0; i < 4; i++)
                if (!g_ascii_isxdigit(at[i]))
                        return FALSE;

        return TRUE;
}

static gboolean
scan_escape(Scanner *self, gsize *n_bytes)
{
        guint8 octets[4];
        guint32 c;

        if (self->end - self->at < 2 || !strchr("\"\\/bfnrtu", self->at[1]) || self->at[1] == '\0')
                return fail(self, "an unknown escape");

        if (self->at[1] == 'u') {
                if (!is_hex4(self->at + 2, self->end))
                        return fail(self, "an unknown escape");
                c = tg_json_hex4(self->at + 2);
                if (c == 0)
                        return fail(self, "the character U+0000");
                if (c >= 0xdc00 && c < 0xe000)
                        return fail(self, "an unpaired surrogate");
                if (c >= 0xd800 && c < 0xdc00) {
                        if (self->end - self->at < 12 || self->at[6] != '\\' ||
                            self->at[7] != 'u' || !is_hex4(self->at + 8, self->end))
                                return fail(self, "an unpaired surrogate");
                        c = tg_json_hex4(self->at + 8);
                        if (c < 0xdc00 || c >= 0xe000)
                                return fail(self, "an unpaired surrogate");
                }
        }

        *n_bytes += tg_json_take_escape(&self->at, octets);
        return TRUE;
}

/* At the opening quote. */
static gboolean
scan_string(Scanner *self, Name *ret_name)
{
        const char *start = ++self->at;
        gsize n_bytes = 0;

        for (;;) {
                const char *before = self->at;

                self->at = skip_plain(self->at, self->end);
                n_bytes += (gsize)(self->at - before);
                if (self->at == self->end)
                        return fail(self, "a string without an end");
                if (*self->at == '"')
                        break;
                before = self->at;
                if (*self->at == '\\') {
                        if (!scan_escape(self, &n_bytes))
                                return FALSE;
                } else if ((guint8)*self->at < 0x20) {
                        return fail(self, "an unescaped control character");
                } else {
                        if (!scan_utf8(self))
                                return FALSE;
                        n_bytes += (gsize)(self->at - before);
                }
        }

        if (ret_name)
                *ret_name = (Name){start, (guint32)(self->at - start), (guint32)n_bytes};
        self->at++;
        return TRUE;
}

static gboolean
scan_digits(Scanner *self)
{
        const char *start = self->at;

        while (self->at < self->end && g_ascii_isdigit(*self->at))
                self->at++;

        return self->at > start;
}

static gboolean
scan_number(Scanner *self)
{
        static const char rule[] = "a malformed number";
        const char *start = self->at;

        if (*self->at == '-')
                self->at++;
        if (self->at < self->end && *self->at == '0')
                self->at++;
        else if (!scan_digits(self))
                return fail(self, rule);
        if (self->at < self->end && *self->at == '.') {
                self->at++;
                if (!scan_digits(self))
                        return fail(self, rule);
        }
        if (self->at < self->end && (*self->at == 'e' || *self->at == 'E')) {
                self->at++;
                if (self->at < self->end && (*self->at == '+' || *self->at == '-'))
                        self->at++;
                if (!scan_digits(self))
                        return fail(self, rule);
        }
        if (self->at - start > TG_MAX_JSON_NUMBER_CHARS)
                return fail(self, "a number of too many digits");

        return TRUE;
}

static gboolean
scan_word(Scanner *self, const char *word)
{
        gsize n_chars = strlen(word);

        if ((gsize)(self->end - self->at) < n_chars || memcmp(self->at, word, n_chars) != 0)
                return fail(self, "something that is no value");
        self->at += n_chars;

        return TRUE;
}

/* By length first, so that most pairs need no look at the text. */
static int
compare_names(const void *a, const void *b)
{
        const Name *left = a;
        const Name *right = b;
        TgJsonOctets l = {.at = left->text, .end = left->text + left->n_chars};
        TgJsonOctets r = {.at = right->text, .end = right->text + right->n_chars};

        if (left->n_bytes != right->n_bytes)
                return left->n_bytes < right->n_bytes ? -1 : 1;
        if (left->n_chars == left->n_bytes && right->n_chars == right->n_bytes)
                return memcmp(left->text, right->text, left->n_bytes);

        for (;;) {
                int x = tg_json_octets_next(&l);
                int y = tg_json_octets_next(&r);

                if (x != y)
                        return x < y ? -1 : 1;
                if (x < 0)
                        return 0;
        }
}

static gboolean
has_duplicate(Name *names, gsize n_names)
{
        if (n_names <= N_NAMES_COMPARED) {
                for (gsize i = 1; i < n_names; i++)
                        for (gsize j = 0; j < i; j++)
                                if (compare_names(&names[i], &names[j]) == 0)
                                        return TRUE;
                return FALSE;
        }

        qsort(names, n_names, sizeof *names, compare_names);
        for (gsize i = 1; i < n_names; i++)
                if (compare_names(&names[i - 1], &names[i]) == 0)
                        return TRUE;

        return FALSE;
}

static void
remember_name(Scanner *self, const Name *name)
{
        if (self->n_names == self->n_names_room) {
                gboolean is_at_hand = self->names == self->names_at_hand;

                self->n_names_room *= 2;
                self->names = g_renew(Name, is_at_hand ? NULL : self->names, self->n_names_room);
                if (is_at_hand)
                        memcpy(self->names, self->names_at_hand, sizeof self->names_at_hand);
        }
        self->names[self->n_names++] = *name;
}

static gboolean
enter(Scanner *self, gboolean is_object)
{
        if (self->depth == TG_MAX_JSON_DEPTH)
                return fail(self, "nesting that is too deep");
        self->levels[self->depth++] = (Level){is_object, self->n_names};
        self->at++;

        return TRUE;
}

static gboolean
leave(Scanner *self)
{
        Level *level = &self->levels[--self->depth];

        self->at++;
        if (!level->is_object)
                return TRUE;
        if (has_duplicate(self->names + level->n_names_before,
                          self->n_names - level->n_names_before))
                return fail(self, "a member name that stands twice in one object");
        self->n_names = level->n_names_before;

        return TRUE;
}

/* A member's name and its colon, up to where the value begins. */
static gboolean
scan_name(Scanner *self)
{
        Name name;

        if (self->at == self->end || *self->at != '"')
                return fail(self, "a member without a name");
        if (!scan_string(self, &name))
                return FALSE;
        remember_name(self, &name);
        skip_space(self);
        if (self->at == self->end || *self->at != ':')
                return fail(self, "a member without a colon");
        self->at++;
        skip_space(self);

        return TRUE;
}

static gboolean
scan_scalar(Scanner *self)
{
        switch (*self->at) {
        case '"':
                return scan_string(self, NULL);
        case 't':
                return scan_word(self, "true");
        case 'f':
                return scan_word(self, "false");
        case 'n':
                return scan_word(self, "null");
        case '-':
        case '0' ... '9':
                return scan_number(self);
        default:
                return fail(self, "something that is no value");
        }
}

/* One value; *ret_entered when it is a container that has just been opened. */
static gboolean
scan_value(Scanner *self, gboolean *ret_entered)
{
        gboolean is_object;

        *ret_entered = FALSE;
        if (self->at == self->end)
                return fail(self, "no value where one must be");
        if (*self->at != '{' && *self->at != '[')
                return scan_scalar(self);

        is_object = *self->at == '{';
        if (!enter(self, is_object))
                return FALSE;
        skip_space(self);
        if (self->at < self->end && *self->at == (is_object ? '}' : ']'))
                return leave(self);
        *ret_entered = TRUE;

        return !is_object || scan_name(self);
}

/* After a value: closes what ends here, steps over a comma. */
static gboolean
scan_after_value(Scanner *self)
{
        while (self->depth > 0) {
                gboolean is_object = self->levels[self->depth - 1].is_object;

                skip_space(self);
                if (self->at == self->end)
                        return fail(self, "no end of an array or object");
                if (*self->at == ',') {
                        self->at++;
                        skip_space(self);
                        return !is_object || scan_name(self);
                }
                if (*self->at != (is_object ? '}' : ']'))
                        return fail(self, "no comma between two values");
                if (!leave(self))
                        return FALSE;
        }

        return TRUE;
}

static gboolean
scan_text(Scanner *self)
{
        skip_space(self);
        do {
                gboolean entered;

                if (!scan_value(self, &entered))
                        return FALSE;
                if (!entered && !scan_after_value(self))
                        return FALSE;
        } while (self->depth > 0);

        skip_space(self);
        if (self->at < self->end)
                return fail(self, "something after its end");

        return TRUE;
}

gboolean
tg_json_parse(const char *text, gsize n_bytes, gsize max_bytes, TgJson *ret_value, GError **error)
{
        Scanner self;
        gboolean is_valid;

        /* names are counted in 32 bits, and what is longer is nobody's JSON */
        max_bytes = MIN(max_bytes, G_MAXINT32);
        if (n_bytes > max_bytes) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the json text is longer than %" G_GSIZE_FORMAT " octets",
                             max_bytes);
                return FALSE;
        }

        self.start = self.at = text;
        self.end = text + n_bytes;
        self.depth = self.n_names = 0;
        self.names = self.names_at_hand;
        self.n_names_room = N_NAMES_AT_HAND;

        is_valid = scan_text(&self);
        if (self.names != self.names_at_hand)
                g_free(self.names);
        if (!is_valid) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the json text has %s at octet %" G_GSIZE_FORMAT,
                             self.wrong,
                             (gsize)(self.at - self.start));
                return FALSE;
        }

        while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')
                text++;
        ret_value->type = tg_json_type_at(text);
        ret_value->text = text;
        while (self.end[-1] == ' ' || self.end[-1] == '\n' || self.end[-1] == '\r' ||
               self.end[-1] == '\t')
                self.end--;
        ret_value->n_chars = (gsize)(self.end - text);

        return TRUE;
}
