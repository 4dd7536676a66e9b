#include "harness/campaign/labels.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789";

size_t tl_faces_count(struct tl_faces *f, const char *id, const char *coarse_id, const char *title,
                      enum tl_outcome outcome, enum tl_phase phase, int signal)
{
    if (!id || !*id)
        return TL_NO_FACE;
    size_t i = 0;
    while (i < f->n && strcmp(f->list[i].id, id))
        i++;
    if (i == f->n) {
        struct tl_face *x = TL_GROW(f->list, f->n);
        *x = (struct tl_face){
            .title = tl_strdup(title ? title : ""), .outcome = outcome, .phase = phase, .signal = signal};
        snprintf(x->id, sizeof x->id, "%s", id);
        /* Where nothing can be compared across builds the signature stands for itself. */
        snprintf(x->coarse_id, sizeof x->coarse_id, "%s", coarse_id && *coarse_id ? coarse_id : id);
    }
    f->list[i].trials++;
    return i;
}

/* "A", …, "Z", "AA", … */
static void name_letter(size_t i, char text[16])
{
    char reversed[16];
    size_t n = 0;
    for (i++; i && n < 14; i = (i - 1) / 26)
        reversed[n++] = (char)('A' + (i - 1) % 26);
    for (size_t k = 0; k < n; k++)
        text[k] = reversed[n - 1 - k];
    text[n] = '\0';
}

void tl_faces_letter(struct tl_faces *f, size_t face)
{
    if (face == TL_NO_FACE || *f->list[face].letter)
        return;
    struct tl_face *x = &f->list[face];
    size_t same = 0;
    char letter[16] = "";
    for (size_t i = 0; i < f->n; i++)
        if (*f->list[i].letter && !strcmp(f->list[i].coarse_id, x->coarse_id)) {
            snprintf(letter, sizeof letter, "%.*s", (int)strcspn(f->list[i].letter, digits),
                     f->list[i].letter);
            same++;
        }
    if (!same)
        name_letter(f->letters++, letter);
    snprintf(x->letter, sizeof x->letter, "%s%u", letter, (unsigned)same + 1);
}

void tl_faces_lettered(struct tl_faces *f)
{
    for (size_t i = 0; i < f->n; i++) { /* a letter that stands for one signature needs no number */
        size_t same = 0;
        for (size_t k = 0; k < f->n; k++)
            same += *f->list[k].letter && !strcmp(f->list[i].coarse_id, f->list[k].coarse_id);
        if (same == 1)
            f->list[i].letter[strcspn(f->list[i].letter, digits)] = '\0';
    }
}

static int by_letter(const void *a, const void *b)
{
    const struct tl_face *const *x = a, *const *y = b;
    size_t nx = strcspn((*x)->letter, digits), ny = strcspn((*y)->letter, digits);
    if (nx != ny)
        return nx < ny ? -1 : 1;
    int order = strncmp((*x)->letter, (*y)->letter, nx);
    return order ? order : atoi((*x)->letter + nx) - atoi((*y)->letter + ny);
}

const struct tl_face **tl_faces_sorted(const struct tl_faces *f, size_t *n)
{
    const struct tl_face **list = tl_calloc(f->n + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (*f->list[i].letter)
            list[(*n)++] = &f->list[i];
    qsort(list, *n, sizeof *list, by_letter);
    return list;
}

json_t *tl_faces_json(const struct tl_faces *f)
{
    json_t *all = json_array();
    size_t n;
    const struct tl_face **list = tl_faces_sorted(f, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tl_face *x = list[i];
        json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s?,s:I}", "letter", x->letter, "id",
                                             x->id, "coarse_id", x->coarse_id, "title", x->title, "outcome",
                                             tl_outcome_name(x->outcome), "phase", tl_phase_name(x->phase),
                                             "signal", x->signal ? tl_signal_name(x->signal) : NULL, "trials",
                                             (json_int_t)x->trials));
    }
    free(list);
    return all;
}

void tl_faces_free(struct tl_faces *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->list[i].title);
    free(f->list);
    *f = (struct tl_faces){0};
}
