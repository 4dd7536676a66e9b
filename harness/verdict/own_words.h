/* Whether two processes that ended themselves say the same of why. Pure. */
#ifndef TL_OWN_WORDS_H
#define TL_OWN_WORDS_H

#include "harness/base/record.h"

enum tl_words_say {
    TL_WORDS_SAY_NOTHING, /* one of them says nothing of its own, or a fault of the hardware ended it */
    TL_WORDS_SAY_SAME,    /* the same function asserted, or the same is said of other things */
    TL_WORDS_SAY_OTHER,   /* each names a cause, and these are two */
};

enum tl_words_say tl_failure_compare_words(const struct tl_trial_record *a, const struct tl_trial_record *b);

#endif
