/* How far an output may be from what is expected. */
#ifndef TL_TOLERANCE_H
#define TL_TOLERANCE_H

#include <stdbool.h>

/* Of floats: either as a whole, the largest difference relative to the largest magnitude that is expected; or
 * element by element as numpy.allclose has it, |got - expected| <= atol + rtol * |expected|. Integers, booleans
 * and texts have to be equal, unless their own output was given bounds: then integers may differ by atol. */
struct tl_tolerance {
    bool elementwise;
    double whole;      /* not elementwise */
    double rtol, atol; /* elementwise */
    bool of_integers;  /* it was given for this very output */
};

#define TL_TOLERANCE_DEFAULT 0.001

#endif
