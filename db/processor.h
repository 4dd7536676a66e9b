/* The processor, in the terms in which runtimes choose their kernels: its model in numbers, and its instruction sets. */
#ifndef TL_PROCESSOR_H
#define TL_PROCESSOR_H

#include <jansson.h>
#include <stdbool.h>

/* Of the text of /proc/cpuinfo, of x86-64 and of arm64: {"name", "vendor", "family", "model", "stepping", "sets": [NAME]},
 * each where it is told. What differs from core to core is what the first one tells. A new reference. */
json_t *tl_processor_of_cpuinfo(const char *text);
/* Whether the text says that the machine is a virtual one. */
bool tl_processor_is_virtual(const char *text);

/* Whether kernels are chosen by an instruction set of that name. */
bool tl_processor_matters(const char *set);

#endif
