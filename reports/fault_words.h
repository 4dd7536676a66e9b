/* The place of a fault, registers, the operator that was in flight and the processor, in words. */
#ifndef TL_REPORT_FAULT_WORDS_H
#define TL_REPORT_FAULT_WORDS_H

#include "harness/base/record.h"

#include <jansson.h>

/* As documents have it, {"pc", "code", "instruction", "did"}; null for NULL. */
json_t *tl_fault_document(const struct tl_fault *f);
/* {NAME: "0x…"}. */
json_t *tl_registers_document(const struct tl_capture *c);
/* The same in lines, "rax=0x0 rbx=0x10": those with which a program computes. The caller's; "" for none. */
char *tl_registers_words(const json_t *registers);

/* "Conv, node conv_3", of {"name", "type"}; NULL when it is none. The caller's. */
char *tl_operator_words(const json_t *in_flight);

/* Of what the machine tells of its processor. "family 25, model 17, stepping 1"; "on KVM, in Docker"; "avx
 * avx2 avx512(f vl)". NULL where it tells nothing. The caller's. */
char *tl_processor_words(const json_t *processor);
char *tl_processor_around(const json_t *processor);
char *tl_processor_sets(const json_t *processor);

#endif
