/* Content that no trial has: left by losses that were replaced, say. For the inside of db/. */
#ifndef TL_SWEEP_H
#define TL_SWEEP_H

#include "harness/base/error.h"

#include <sqlite3.h>

/* Removes it, inside of a transaction. What others know to be there has to be forgotten after it. */
int tl_content_sweep(sqlite3 *db, const char *what, struct tl_error *e);

#endif
