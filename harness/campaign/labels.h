/* The signatures that a table shows, and the letters it calls them by. */
#ifndef TL_LABELS_H
#define TL_LABELS_H

#include "harness/base/record.h"

#include <jansson.h>

#define TL_NO_FACE SIZE_MAX

struct tl_face {
    char id[TL_ID_SIZE], coarse_id[TL_ID_SIZE];
    char *title;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    uint64_t trials;
    char letter[24];
};
struct tl_faces {
    size_t n, letters;
    struct tl_face *list;
};

/* The place of a signature, which is added when it is new, and counted; TL_NO_FACE for "". */
size_t tl_faces_count(struct tl_faces *f, const char *id, const char *coarse_id, const char *title,
                      enum tl_outcome outcome, enum tl_phase phase, int signal);
/* Gives a signature its letter, if it has none: one for what can be compared across builds (the coarse part);
 * where that covers several signatures they are numbered. To be called in the order of the table, so that the
 * same results always read the same; then tl_faces_lettered. */
void tl_faces_letter(struct tl_faces *f, size_t face);
void tl_faces_lettered(struct tl_faces *f);
/* Those that have a letter, in its order; a new array of them. */
const struct tl_face **tl_faces_sorted(const struct tl_faces *f, size_t *n);
json_t *tl_faces_json(const struct tl_faces *f);
void tl_faces_free(struct tl_faces *f);

#endif
