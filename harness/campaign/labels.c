/* Gives the signatures of a table their letters: A, B, …, and A1, A2 where one letter covers several.
 *
 * Letters are given in the order in which the table shows its cells, not in the order in which trials ended:
 * the same results always read the same. */
#include "harness/campaign/labels.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789";

size_t tl_labels_count(struct tl_labels *l, const char *id, const char *coarse_id, const char *title,
                       enum tl_outcome outcome, enum tl_phase phase, int signal)
{
    if (!id || !*id)
        return TL_NO_LABEL;
    bool added;
    size_t i = tl_text_index_number(&l->ids, id, strlen(id), &added);
    if (added) {
        struct tl_label *x = TL_GROW(l->list, l->n);
        *x = (struct tl_label){
            .title = tl_strdup(title ? title : ""), .outcome = outcome, .phase = phase, .signal = signal};
        snprintf(x->id, sizeof x->id, "%s", id);
        /* Where nothing can be compared across builds the signature stands for itself. */
        snprintf(x->coarse_id, sizeof x->coarse_id, "%s", coarse_id && *coarse_id ? coarse_id : id);
    }
    l->list[i].trials++;
    return i;
}

size_t tl_labels_again(struct tl_labels *l, const char *id)
{
    size_t i;
    if (!id || !tl_text_index_find(&l->ids, id, strlen(id), &i))
        return TL_NO_LABEL;
    l->list[i].trials++;
    return i;
}

static int by_title(const void *a, const void *b)
{
    const struct tl_label *x = a, *y = b;
    int order = strcmp(x->title, y->title);
    return order ? order : strcmp(x->id, y->id);
}

void tl_labels_order(struct tl_labels *l, size_t **places)
{
    bool added;
    struct tl_text_index ids = {0};
    *places = tl_calloc(l->n + 1, sizeof **places);
    if (l->n)
        qsort(l->list, l->n, sizeof *l->list, by_title);
    for (size_t i = 0; i < l->n; i++) {
        const char *id = l->list[i].id;
        size_t was = tl_text_index_number(&l->ids, id, strlen(id), &added);
        (*places)[was] = tl_text_index_number(&ids, id, strlen(id), &added);
    }
    tl_text_index_free(&l->ids);
    l->ids = ids;
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

void tl_labels_letter(struct tl_labels *l, size_t label)
{
    if (label == TL_NO_LABEL || *l->list[label].letter)
        return;
    struct tl_label *x = &l->list[label];
    size_t same = 0;
    char letter[16] = "";
    for (size_t i = 0; i < l->n; i++)
        if (*l->list[i].letter && !strcmp(l->list[i].coarse_id, x->coarse_id)) {
            snprintf(letter, sizeof letter, "%.*s", (int)strcspn(l->list[i].letter, digits),
                     l->list[i].letter);
            same++;
        }
    if (!same)
        name_letter(l->letters++, letter);
    snprintf(x->letter, sizeof x->letter, "%s%u", letter, (unsigned)same + 1);
}

void tl_labels_lettered(struct tl_labels *l)
{
    for (size_t i = 0; i < l->n; i++) { /* a letter that stands for one signature needs no number */
        size_t same = 0;
        for (size_t k = 0; k < l->n; k++)
            same += *l->list[k].letter && !strcmp(l->list[i].coarse_id, l->list[k].coarse_id);
        if (same == 1)
            l->list[i].letter[strcspn(l->list[i].letter, digits)] = '\0';
    }
}

static int by_letter(const void *a, const void *b)
{
    const struct tl_label *const *x = a, *const *y = b;
    size_t nx = strcspn((*x)->letter, digits), ny = strcspn((*y)->letter, digits);
    if (nx != ny)
        return nx < ny ? -1 : 1;
    int order = strncmp((*x)->letter, (*y)->letter, nx);
    return order ? order : atoi((*x)->letter + nx) - atoi((*y)->letter + ny);
}

const struct tl_label **tl_labels_sorted(const struct tl_labels *l, size_t *n)
{
    const struct tl_label **list = tl_calloc(l->n + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (*l->list[i].letter)
            list[(*n)++] = &l->list[i];
    qsort(list, *n, sizeof *list, by_letter);
    return list;
}

json_t *tl_labels_json(const struct tl_labels *l)
{
    json_t *all = json_array();
    size_t n;
    const struct tl_label **list = tl_labels_sorted(l, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tl_label *x = list[i];
        json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s?,s:I}", "letter", x->letter, "id",
                                             x->id, "coarse_id", x->coarse_id, "title", x->title, "outcome",
                                             tl_outcome_name(x->outcome), "phase", tl_phase_name(x->phase),
                                             "signal", x->signal ? tl_signal_name(x->signal) : NULL, "trials",
                                             (json_int_t)x->trials));
    }
    free(list);
    return all;
}

void tl_labels_free(struct tl_labels *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->list[i].title);
    free(l->list);
    tl_text_index_free(&l->ids);
    *l = (struct tl_labels){0};
}
