/* Places in the document, the mistakes that are noted at them, and the checks of single values.
 *
 * A place holds a value of jansson's and the number of the same value in the positions (position.c); tl_first
 * and tl_next step both on at once. Mistakes are noted in the order of the checks and sorted by that number
 * in the end, so that they are told in the order of the file whatever the order of the checks is. */
#include "cases/mistakes.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tl_noted {
    size_t node, sequence;
    struct tl_mistake mistake;
};

static void add_quoted(struct tl_buffer *b, const char *s)
{
    json_t *j = json_string(s);
    char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
    tl_buffer_add_string(b, text ? text : "\"?\"");
    free(text);
    json_decref(j);
}

/* Cuts what was added after `from` to at most `most` bytes, never inside a character. */
static void shorten(struct tl_buffer *b, size_t from, size_t most)
{
    if (b->size - from <= most)
        return;
    b->size = from + tl_utf8_cut(b->data + from, most);
    tl_buffer_add_string(b, "…");
}

static char *path_of(const struct tl_json_place *at)
{
    const struct tl_json_place *chain[TL_CASE_DEPTH_MAX];
    size_t n = 0;
    for (; at && at->up && n < TL_CASE_DEPTH_MAX; at = at->up)
        chain[n++] = at;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "$");
    while (n--) {
        const char *key = chain[n]->key;
        size_t plain = 0;
        while (key && plain < 64 && (isalnum((unsigned char)key[plain]) || key[plain] == '_'))
            plain++;
        size_t from = b.size;
        if (!key) {
            tl_buffer_printf(&b, "[%zu]", chain[n]->index);
        } else if (plain && !key[plain]) {
            tl_buffer_printf(&b, ".%s", key);
        } else {
            tl_buffer_add_string(&b, "[");
            add_quoted(&b, key);
            shorten(&b, from, 80);
            tl_buffer_add_string(&b, "]");
        }
    }
    return tl_buffer_take(&b);
}

static void add_found(struct tl_buffer *b, const json_t *v)
{
    size_t from = b->size;
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        tl_buffer_add_string(b, json_object_size(v) ? "an object" : "an empty object");
        return;
    case JSON_ARRAY:
        if (json_array_size(v))
            tl_buffer_printf(b, "a list of %zu", json_array_size(v));
        else
            tl_buffer_add_string(b, "an empty list");
        return;
    case JSON_STRING:
        tl_buffer_add_string(b, "the string ");
        add_quoted(b, json_string_value(v));
        shorten(b, from, 100);
        return;
    case JSON_INTEGER:
        tl_buffer_printf(b, "the integer %lld", (long long)json_integer_value(v));
        return;
    case JSON_REAL:
        tl_buffer_printf(b, "the number %.17g", json_real_value(v));
        return;
    case JSON_TRUE:
        tl_buffer_add_string(b, "true");
        return;
    case JSON_FALSE:
        tl_buffer_add_string(b, "false");
        return;
    case JSON_NULL:
        tl_buffer_add_string(b, "null");
        return;
    }
}

static void note(struct tl_check *ck, const struct tl_json_place *at, bool found, const char *format,
                 va_list ap) __attribute__((format(printf, 4, 0)));
static void note(struct tl_check *ck, const struct tl_json_place *at, bool found, const char *format,
                 va_list ap)
{
    if (ck->n_noted == TL_MISTAKES_MAX) {
        ck->dropped++;
        return;
    }
    char text[1024];
    vsnprintf(text, sizeof text, format, ap);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, text);
    if (found) {
        tl_buffer_add_string(&b, ", found ");
        add_found(&b, at->value);
    }
    if ((ck->n_noted & (ck->n_noted - 1)) == 0)
        ck->noted = tl_realloc(ck->noted, ck->n_noted ? ck->n_noted * 2 : 1, sizeof *ck->noted);
    int line = at->node < ck->positions.n ? ck->positions.list[at->node].line : 0;
    ck->noted[ck->n_noted] =
        (struct tl_noted){at->node, ck->n_noted, {line, path_of(at), tl_buffer_take(&b)}};
    ck->n_noted++;
}

void tl_note(struct tl_check *ck, const struct tl_json_place *at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    note(ck, at, false, format, ap);
    va_end(ap);
}

void tl_note_found(struct tl_check *ck, const struct tl_json_place *at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    note(ck, at, true, format, ap);
    va_end(ap);
}

void tl_note_placeholder(struct tl_check *ck, const struct tl_json_place *at)
{
    tl_note(ck, at, "expected a placeholder such as {AXIS}; write {{ and }} for braces themselves");
}

static int by_place(const void *a, const void *b)
{
    const struct tl_noted *x = a, *y = b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void tl_check_end(struct tl_check *ck, struct tl_mistakes *m)
{
    m->n = ck->n_noted + (ck->dropped > 0);
    m->list = m->n ? tl_calloc(m->n, sizeof *m->list) : NULL;
    if (ck->n_noted)
        qsort(ck->noted, ck->n_noted, sizeof *ck->noted, by_place);
    for (size_t i = 0; i < ck->n_noted; i++)
        m->list[i] = ck->noted[i].mistake;
    if (ck->dropped)
        m->list[ck->n_noted] =
            (struct tl_mistake){0, tl_strdup("$"), tl_format("and %zu mistakes more", ck->dropped)};
    free(ck->noted);
    free(ck->positions.list);
    *ck = (struct tl_check){0};
}

void tl_mistakes_free(struct tl_mistakes *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->list[i].path);
        free(m->list[i].expected);
    }
    free(m->list);
    *m = (struct tl_mistakes){0};
}

/* Members are followed by jansson's iterator; it is found again from the key, which is jansson's own string.
 */
struct tl_json_place tl_first(const struct tl_check *ck, const struct tl_json_place *up)
{
    struct tl_json_place it = {.up = up, .node = up->node + 1};
    if (json_is_object(up->value)) {
        void *i = json_object_iter(up->value);
        it.key = json_object_iter_key(i);
        it.value = json_object_iter_value(i);
    } else {
        it.value = json_array_get(up->value, 0);
    }
    (void)ck;
    return it;
}

void tl_next(const struct tl_check *ck, struct tl_json_place *it)
{
    if (it->node < ck->positions.n)
        it->node = ck->positions.list[it->node].end;
    if (it->key) {
        void *i = json_object_iter_next(it->up->value, json_object_key_to_iter(it->key));
        it->key = json_object_iter_key(i);
        it->value = json_object_iter_value(i);
    } else {
        it->value = json_array_get(it->up->value, ++it->index);
    }
}

bool tl_check_object(struct tl_check *ck, const struct tl_json_place *at, const struct tl_object_rule *rule,
                     struct tl_key *keys, size_t room, const char *expected)
{
    size_t n = rule->n;
    if (n > room || n > TL_KEYS_MOST)
        abort(); /* a key was added to the table alone */
    if (!json_is_object(at->value)) {
        tl_note_found(ck, at, "expected %s", expected);
        return false;
    }
    const char *names[TL_KEYS_MOST];
    for (size_t i = 0; i < n; i++) {
        names[i] = rule->keys[i].name;
        keys[i] = (struct tl_key){0};
    }
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        for (size_t i = 0; i < n; i++)
            if (!strcmp(rule->keys[i].name, it.key))
                keys[i].at = it;
    unsigned long misspelt = 0; /* keys that an unknown key was meant to be: not missing as well */
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= !strcmp(rule->keys[i].name, it.key);
        if (known)
            continue;
        const char *suggested = tl_suggest(it.key, names, n);
        struct tl_buffer b = TL_BUFFER_INIT;
        for (size_t i = 0; i < n; i++) {
            tl_buffer_printf(&b, "%s%s", i ? ", " : "", names[i]);
            if (suggested == names[i] && !keys[i].at.value)
                misspelt |= 1ul << i;
        }
        if (suggested)
            tl_note(ck, &it, "unknown key; did you mean \"%s\"?", suggested);
        else
            tl_note(ck, &it, "unknown key; expected one of %s", b.data);
        tl_buffer_free(&b);
    }
    for (size_t i = 0; i < n; i++)
        if (rule->keys[i].required && !keys[i].at.value && !(misspelt & 1ul << i))
            tl_note(ck, at, "lacks the key \"%s\"", rule->keys[i].name);
    return true;
}

const char *tl_check_string(struct tl_check *ck, const struct tl_json_place *at, size_t least, size_t most)
{
    if (!at->value)
        return NULL;
    const char *s = json_string_value(at->value);
    size_t n = json_string_length(at->value);
    if (!s || n < least || n > most) {
        if (least)
            tl_note_found(ck, at, "expected a string of %zu to %zu bytes", least, most);
        else
            tl_note_found(ck, at, "expected a string of at most %zu bytes", most);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f) {
            tl_note_found(ck, at, "expected a string without control characters");
            return NULL;
        }
    return s;
}

bool tl_check_number(struct tl_check *ck, const struct tl_json_place *at, double more_than, double most,
                     bool or_equal, double *out)
{
    if (!at->value)
        return false;
    double v = json_number_value(at->value);
    if (!json_is_number(at->value) || !(or_equal ? v >= more_than : v > more_than) || !(v <= most)) {
        tl_note_found(ck, at, "expected a number %s %g and at most %g",
                      or_equal ? "of at least" : "greater than", more_than, most);
        return false;
    }
    *out = v;
    return true;
}

bool tl_check_integer(struct tl_check *ck, const struct tl_json_place *at, int64_t least, int64_t most,
                      int64_t *out)
{
    if (!at->value)
        return false;
    int64_t v = json_integer_value(at->value);
    if (!json_is_integer(at->value) || v < least || v > most) {
        if (least == INT64_MIN && most == INT64_MAX)
            tl_note_found(ck, at, "expected an integer");
        else
            tl_note_found(ck, at, "expected an integer from %lld to %lld", (long long)least, (long long)most);
        return false;
    }
    *out = v;
    return true;
}

bool tl_check_list(struct tl_check *ck, const struct tl_json_place *at, size_t least, size_t most,
                   const char *of)
{
    if (!at->value)
        return false;
    size_t n = json_array_size(at->value);
    if (json_is_array(at->value) && n >= least && n <= most)
        return true;
    if (json_is_array(at->value) && n > most)
        tl_note_found(ck, at, "expected a list of at most %zu %s", most, of);
    else
        tl_note_found(ck, at, "expected a list of %s%s", of, least == 1 ? ", at least one" : "");
    return false;
}
