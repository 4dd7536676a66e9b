/* Who reads an axis of a case: what can be said of it from the case and its model alone. A runner may read it
 * too (harness/executor/reading.h). */
#ifndef TL_CASE_READING_H
#define TL_CASE_READING_H

#include "cases/case.h"

/* Whether something in the case reads the axis: its family, a command, an input's shape, a path, what is
 * expected. Naming it in "failing" or "forbid" only chooses among variants. */
bool tl_case_reads_axis(const struct tl_case *c, const char *axis);
/* Whether inputs are derived from the model's own types: then a symbolic dimension of it takes the value of the
 * axis that has its name. */
bool tl_case_derives_inputs(const struct tl_case *c);
/* Whether a model may have a symbolic dimension of this name. Of an ONNX file it is known; of a directory, true
 * when any file in it holds the name. False when it cannot be read. */
bool tl_model_has_dimension(const char *path, const char *name);

#endif
