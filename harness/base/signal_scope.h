/* How far the signals of a process reach: nobody but itself and what it starts. Linux 6.12 and later; elsewhere
 * nothing is held back. */
#ifndef TL_SIGNAL_SCOPE_H
#define TL_SIGNAL_SCOPE_H

#include <stdbool.h>

/* A descriptor for tl_signal_scope_enter, closed on exec; -1 where the system has none. sockets: abstract sockets of
 * others cannot be connected to from inside either. */
int tl_signal_scope_open(bool sockets);

/* From now on the calling thread, and every process and thread that it makes, can send signals to those only
 * that are in the same scope or in one inside it. Others still reach them. Async-signal-safe. may_bind: when it
 * is not to be had otherwise, by giving up the gain of privileges by exec. Returns whether it holds. */
bool tl_signal_scope_enter(int scope, bool may_bind);

#endif
