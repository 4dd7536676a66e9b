#include "cases/option_name.h"

#include "harness/base/buffer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool tl_option_is_one_of(const char *word, const char *const *names, size_t n)
{
    const char *name = word + strspn(word, "-");
    char *plain = tl_format("%.*s", (int)strcspn(name, "="), name);
    for (char *at = plain; *at; at++)
        *at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
    bool found = tl_is_one_of(plain, names, n);
    free(plain);
    return found;
}

bool tl_option_is_output(const char *word)
{
    static const char *const names[] = {"o",           "out",        "output", "outputs", "outfile",
                                        "out-file",    "out-path",   "outdir", "out-dir", "output-file",
                                        "output-path", "output-dir", "save",   "dest"};
    return tl_option_is_one_of(word, names, TL_COUNT(names));
}
