/* Which frames of a stack tell one failure from another, and their names. */
#ifndef TL_TITLE_FRAMES_H
#define TL_TITLE_FRAMES_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"

#define TL_TELLING_MOST 3 /* frames named in a title */

/* Names of frames, innermost first. */
struct tl_telling {
    char *name[TL_TELLING_MOST];
    size_t n;
    bool guessed; /* they were found by scanning the stack only */
    bool wild;    /* the innermost of all frames is a jump to a wild address */
};

/* What is wanted of tl_telling_frames. */
enum {
    TL_TELL_COARSE = 1,  /* modules instead of addresses in them: comparable between builds */
    TL_TELL_RAISED = 2,  /* the process ended itself (abort): the frames of the system on top say nothing */
    TL_TELL_WAITING = 4, /* a hang: frames that wait, and the system's, are left out */
};

void tl_telling_frames(const struct tl_capture *c, const struct tl_thread *t, int how,
                       struct tl_telling *out);
void tl_telling_free(struct tl_telling *out);                            /* its contents */
void tl_telling_text(const struct tl_telling *out, struct tl_buffer *b); /* appends "f ← g ← h" */

/* The functions that repeat on a stack so deep that it must be recursion: sorted, "f ↔ g". A new string, or
 * NULL when nothing repeats. It does not depend on where in the cycle the stack ended. */
char *tl_telling_cycle(const struct tl_capture *c, const struct tl_thread *t, int how);

/* Whether the thread's innermost frame is a call that waits (for a lock, a descriptor, a timer …). */
bool tl_telling_waits(const struct tl_capture *c, const struct tl_thread *t);

#endif
