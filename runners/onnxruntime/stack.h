/* The stack of the first thread of a process. */
#ifndef TL_ORT_STACK_H
#define TL_ORT_STACK_H

/* Looks up where it is. Done before there are forked children: it is the same in them, where looking takes as long as
 * the fork. */
void tl_ort_find_stack(void);

/* Runs a function with the same room left on this stack in every process, where the system lets that differ. */
void *tl_ort_on_even_stack(void *(*function)(void *), void *argument);

#endif
