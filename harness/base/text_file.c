#include "harness/base/text_file.h"

#include "harness/base/files.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tl_replace_text(const char *path, const char *text, bool sync)
{
    if (!text) {
        errno = ENOMEM;
        return -1;
    }
    char *visible = tl_visible_text(text);
    int result = tl_replace_file(path, visible, strlen(visible), 0666, sync), err = errno;
    free(visible);
    errno = err;
    return result;
}
