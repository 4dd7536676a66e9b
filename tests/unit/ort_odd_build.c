/* Libraries that look like a build of ONNX Runtime and are not: ODD says in which way. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

const void *OrtGetApiBase(void);

struct base {
    const void *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

#if ODD == 1
const void *OrtGetApiBase(void)
{
    return NULL;
}
#elif ODD >= 2
static const void *get_api(uint32_t version)
{
    (void)version;
    if (ODD == 5) /* it dies, as a beta may */
        abort();
    return NULL;
}

static const char *get_version(void)
{
    return ODD == 2 ? "garbage" : ODD == 3 ? "1.5.0" : "1.30.0";
}

const void *OrtGetApiBase(void)
{
    static const struct base base = {get_api, get_version};
    return &base;
}
#else
int nothing_of_the_kind(void);
int nothing_of_the_kind(void)
{
    return 0;
}
#endif
