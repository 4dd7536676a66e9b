/* The stack of the first thread on macOS: it is taken as it is. */
#include "runners/onnxruntime/stack.h"

void tl_ort_find_stack(void)
{
}

void *tl_ort_on_even_stack(void *(*function)(void *), void *argument)
{
    return function(argument);
}
