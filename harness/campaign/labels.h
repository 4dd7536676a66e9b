/* The signatures that a table shows, and the letters it calls them by. */
#ifndef TL_LABELS_H
#define TL_LABELS_H

#include "harness/base/record.h"
#include "harness/base/text_index.h"

#include <jansson.h>

#define TL_NO_LABEL SIZE_MAX

struct tl_label {
    char id[TL_ID_SIZE], coarse_id[TL_ID_SIZE];
    char *title;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    uint64_t trials;
    char letter[24];
};
struct tl_labels {
    size_t n, letters;
    struct tl_label *list;
    struct tl_text_index ids;
};

/* The place of a signature, which is added when it is new, and counted; TL_NO_LABEL for "". */
size_t tl_labels_count(struct tl_labels *l, const char *id, const char *coarse_id, const char *title,
                       enum tl_outcome outcome, enum tl_phase phase, int signal);
/* Counts one that is there already; TL_NO_LABEL, and nothing is counted, when it is not. */
size_t tl_labels_again(struct tl_labels *l, const char *id);
/* Brings them into an order that follows from what they are. *places: where each went, a new array of as many as there are. */
void tl_labels_order(struct tl_labels *l, size_t **places);
/* Gives a signature its letter, if it has none: one for what can be compared across builds (the coarse part);
 * where that covers several signatures they are numbered. To be called in the order of the table, so that the
 * same results always read the same; then tl_labels_lettered. */
void tl_labels_letter(struct tl_labels *l, size_t label);
void tl_labels_lettered(struct tl_labels *l);
/* Those that have a letter, in its order; a new array of them. */
const struct tl_label **tl_labels_sorted(const struct tl_labels *l, size_t *n);
json_t *tl_labels_json(const struct tl_labels *l);
void tl_labels_free(struct tl_labels *l);

#endif
