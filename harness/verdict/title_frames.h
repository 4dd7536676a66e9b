/* The frames of a stack that tell one failure from another, and so stand in its title. Pure. */
#ifndef TL_TITLE_FRAMES_H
#define TL_TITLE_FRAMES_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"

#define TL_TITLE_FRAMES_MOST 3 /* frames named in a title */

/* Names of frames, innermost first. */
struct tl_title_frames {
    char *name[TL_TITLE_FRAMES_MOST];
    size_t n;
    bool guessed; /* they were found by scanning the stack only */
    bool wild;    /* the innermost of all frames is a jump to a wild address */
};

/* What is wanted of tl_title_frames_find. */
enum {
    TL_TITLE_COARSE = 1,  /* modules instead of addresses in them: comparable between builds */
    TL_TITLE_RAISED = 2,  /* the process ended itself (abort): the frames of the system on top say nothing */
    TL_TITLE_WAITING = 4, /* a hang: frames that wait, and the system's, are left out */
};

/* The thread whose stack tells why: the one that took the signal, else the first; NULL where there is none. */
const struct tl_thread *tl_title_thread(const struct tl_capture *c);

void tl_title_frames_find(const struct tl_capture *c, const struct tl_thread *t, int how,
                          struct tl_title_frames *out);
void tl_title_frames_free(struct tl_title_frames *out);                            /* its contents */
void tl_title_frames_text(const struct tl_title_frames *out, struct tl_buffer *b); /* appends "f ← g ← h" */

/* The names of all frames of the runtime on the stack that a failure ended with, innermost first; those of the
 * runner where there are none. */
struct tl_title_stack {
    char **name;
    size_t n;
};
void tl_title_stack_find(const struct tl_trial_record *r, struct tl_title_stack *out);
void tl_title_stack_free(struct tl_title_stack *out); /* its contents */

/* The functions that repeat on a stack so deep that it must be recursion: sorted, "f ↔ g". A new string, or
 * NULL when nothing repeats. It does not depend on where in the cycle the stack ended. */
char *tl_title_frames_cycle(const struct tl_capture *c, const struct tl_thread *t, int how);

/* Whether the thread's innermost frame is a call that waits (for a lock, a descriptor, a timer …). */
bool tl_title_frames_thread_waits(const struct tl_capture *c, const struct tl_thread *t);

#endif
