/* Order statistics of measured values. */
#ifndef TL_QUANTILE_H
#define TL_QUANTILE_H

#include <stddef.h>

void tl_sort(double *list, size_t n); /* ascending */

/* Of values in ascending order; between two of them linearly, as the default of R and NumPy is (Hyndman and
 * Fan, 1996, definition 7). q from 0 to 1. 0 when there are none. */
double tl_quantile(const double *ascending, size_t n, double q);
double tl_median(const double *ascending, size_t n);

#endif
