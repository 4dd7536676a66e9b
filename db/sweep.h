/* Content that no trial has: left by losses that were replaced, say. For the inside of db/. */
#ifndef TL_SWEEP_H
#define TL_SWEEP_H

#define TL_SWEEPING 4
/* Statements that remove it, for inside a transaction; what others know to be there has to be forgotten after it. */
extern const char *const tl_sweeping[TL_SWEEPING];

#endif
