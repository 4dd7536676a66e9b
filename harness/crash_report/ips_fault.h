/* What a crash report tells of the instruction at which its process died. Pure. */
#ifndef TL_IPS_FAULT_H
#define TL_IPS_FAULT_H

#include "harness/base/record.h"

#include <jansson.h>

/* Fills c->fault, when the exception is one of the processor; c has its registers. thread: the one that crashed. */
void tl_ips_take_fault(const json_t *body, const json_t *thread, const char *exception, struct tl_capture *c);

#endif
