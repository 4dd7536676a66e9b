/* templates/repro.sh, the text around the commands of repro.sh: parts, each of which begins with a line "#@ NAME", and markers
 * that are replaced. */
#ifndef TL_BUNDLE_SCRIPT_TEMPLATE_H
#define TL_BUNDLE_SCRIPT_TEMPLATE_H

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a part is used: parts has the names of those that are, with a blank before and after each. n: bytes of its name. */
bool tl_script_uses(const struct tl_buffer *parts, const char *part, size_t n);
/* The template with those parts alone and each marker, the first of two, replaced by the second. A new string. */
char *tl_script_fill(const struct tl_buffer *parts, const char *const (*markers)[2], size_t n);
/* Text for a comment of it: words in lines that begin with "# ", and nothing that ends one. A new string. text may be NULL. */
char *tl_script_comment(const char *text);

#endif
