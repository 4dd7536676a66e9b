/* A frame of a stack in words, as every report, list and message shows it. */
#ifndef TL_FRAME_TEXT_H
#define TL_FRAME_TEXT_H

#include "harness/base/record.h"

/* One frame in words, a new string: "function (file.c:12)", or "libfoo.so+0x1234 (function at +0x1200)", or
 * "0xdead (not mapped as code)". Inlined calls: "inner (file.c:12), inlined in outer (file.c:30)". A frame
 * that was guessed ends in " [guessed]". */
char *tl_frame_text(const struct tl_capture *c, const struct tl_thread *t, size_t frame);

/* The number of a frame as a debugger counts, those left out before it included. */
size_t tl_frame_number(const struct tl_thread *t, size_t frame);
/* "… 12 frames left out …" where they are missing before this frame, the caller's; NULL elsewhere. */
char *tl_frames_left_out(const struct tl_thread *t, size_t frame);

/* Where the kernel had a thread, in words for those that look at its stack: "waiting in futex", "could not be stopped: D, …".
 * A new string, or NULL: nothing is known. state: as a thread has it; NULL for none. */
char *tl_thread_state_text(const char *state);

#endif
