#include "harness/base/file_kind.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(file_kind, by_the_first_bytes)
{
    static const struct {
        size_t n;
        const char *bytes;
        enum tl_file_kind kind;
    } files[] = {
        {0, "", TL_FILE_EMPTY},
        {4, "GGUF", TL_FILE_GGUF},
        {3, "GGU", TL_FILE_TEXT},
        {6, "\10\10\22\1x\0", TL_FILE_BYTES}, /* a model of ONNX */
        {2, " {", TL_FILE_OBJECT},
        {4, "\357\273\277{", TL_FILE_OBJECT},
        {4, "\357\273\277x", TL_FILE_TEXT},
        {9, "\033[1mbad\n\r", TL_FILE_TEXT},
        {4, "\351t\351\n", TL_FILE_TEXT}, /* Latin-1 */
        {3, "a\0b", TL_FILE_BYTES},
        {12, "#!/bin/sh\nls", TL_FILE_SCRIPT},
        {8, "\34\0\0\0TFL3", TL_FILE_TFLITE},
        {8, "\34\0\0\0ORTM", TL_FILE_ORT},
        {4, "PK\3\4", TL_FILE_ZIP},
        {3, "\200\2}", TL_FILE_PICKLE},
        {3, "\200\4\225", TL_FILE_PICKLE},
        {3, "\200\6x", TL_FILE_BYTES}, /* of no protocol there is */
        {4, "\177ELF", TL_FILE_PROGRAM},
        {4, "\317\372\355\376", TL_FILE_PROGRAM},
        {10, "\2\0\0\0\0\0\0\0{}", TL_FILE_TENSORS},
        {10, "\377\0\0\0\0\0\0\0{}", TL_FILE_BYTES}, /* the header would be longer than the file */
    };
    for (size_t i = 0; i < TL_COUNT(files); i++)
        cr_expect_eq(tl_file_kind_of(files[i].bytes, files[i].n, files[i].n), files[i].kind, "of file %zu",
                     i);
    cr_assert(tl_file_kind_is_text(TL_FILE_OBJECT) && !tl_file_kind_is_text(TL_FILE_BYTES));
}

Test(file_kind, of_a_file_alone)
{
    char path[] = "/tmp/trapline-kind-XXXXXX";
    enum tl_file_kind kind = TL_FILE_KINDS;
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, "GGUF", 4) == 4 && !close(fd));
    cr_assert(!tl_file_kind(path, &kind) && kind == TL_FILE_GGUF);
    cr_assert(!unlink(path) && tl_file_kind(path, &kind) && errno == ENOENT);
    cr_assert(!mkfifo(path, 0600) && tl_file_kind(path, &kind) && errno == EINVAL);
    unlink(path);
}
