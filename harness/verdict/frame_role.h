/* What part a frame of a stack has in a failure. Pure. */
#ifndef TL_FRAME_ROLE_H
#define TL_FRAME_ROLE_H

#include "harness/base/record.h"

enum tl_frame_role {
    TL_ROLE_RUNTIME, /* what trapline is looking for */
    TL_ROLE_SYSTEM,  /* libc, the C++ library, the loader, the runtime of a language */
    TL_ROLE_RUNNER,  /* the executable that was started, or an interpreter */
    TL_ROLE_ABORT,   /* the path from a failed check to the signal */
    TL_ROLE_START,   /* what calls main and the functions of threads */
};

struct tl_frame_part {
    char *name; /* of its function, as tl_function_name has it; NULL when it is not known */
    enum tl_frame_role role;
    bool waits; /* it is a call in which a thread waits, of the system or of a library of its kind */
};

/* The function of frame i: of the code that stands there, not what was inlined into it, so that it is the same with
 * and without debug information. NULL when it is not known. */
const struct tl_symbol *tl_frame_function(const struct tl_thread *t, size_t i);

const char *tl_module_file(const char *path); /* its last part; "" when there is no path */

/* The parts of the frames of a thread of c, n_frames of them; tl_frame_parts_free releases them. */
struct tl_frame_part *tl_frame_parts(const struct tl_capture *c, const struct tl_thread *t);
void tl_frame_parts_free(struct tl_frame_part *parts, size_t n);

#endif
