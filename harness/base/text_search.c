/* A text may arrive in two reads. Of what has gone by, one byte less than the longest text is kept in front
 * of the next chunk: a text that began earlier has been seen whole, and one that begins in what is kept can
 * still end. Some more is kept so that the line is there in which a text is found. */
#include "harness/base/text_search.h"

#include <stdlib.h>
#include <string.h>

int tl_texts_init(struct tl_texts *t, size_t most)
{
    *t = (struct tl_texts){0};
    t->text = calloc(most + 1, sizeof *t->text);
    t->seen = calloc(most + 1, sizeof *t->seen);
    t->found = calloc(most + 1, sizeof *t->found);
    return t->text && t->seen && t->found ? 0 : -1;
}

void tl_texts_add(struct tl_texts *t, const char *text)
{
    size_t size = strlen(text);
    t->seen[t->n] = size == 0; /* nothing is everywhere */
    t->text[t->n++] = text;
    if (size > t->longest)
        t->longest = size;
}

void tl_texts_free(struct tl_texts *t)
{
    free(t->text);
    free(t->seen);
    free(t->found);
    *t = (struct tl_texts){0};
}

int tl_window_init(struct tl_window *w, const struct tl_texts *t)
{
    w->kept = 0;
    w->size = t->longest + TL_WINDOW_LINE + TL_WINDOW_CHUNK;
    w->data = malloc(w->size);
    return w->data ? 0 : -1;
}

void tl_window_free(struct tl_window *w)
{
    free(w->data);
    *w = (struct tl_window){0};
}

static void found_add(struct tl_found *f, const char *data, size_t size)
{
    size_t left = sizeof f->text - f->size;
    memcpy(f->text + f->size, data, size < left ? size : left);
    f->size += size < left ? size : left;
}

void tl_window_feed(struct tl_window *w, struct tl_texts *t, const char *data, size_t size)
{
    memcpy(w->data + w->kept, data, size);
    size_t have = w->kept + size;
    for (size_t i = 0; i < t->n; i++) {
        struct tl_found *f = &t->found[i];
        if (f->in == w)
            found_add(f, data, size);
        const char *at = t->seen[i] ? NULL : memmem(w->data, have, t->text[i], strlen(t->text[i]));
        if (!at)
            continue;
        const char *line = at;
        while (line > w->data && line[-1] != '\n')
            line--;
        t->seen[i] = true;
        f->in = w;
        found_add(f, line, have - (size_t)(line - w->data));
    }
    /* The longest text may have all but its last byte here already. */
    size_t keep = t->longest ? t->longest - 1 + TL_WINDOW_LINE : 0;
    w->kept = have > keep ? keep : have;
    memmove(w->data, w->data + have - w->kept, w->kept);
}
