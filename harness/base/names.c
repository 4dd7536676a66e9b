#include "harness/base/names.h"

#include "harness/base/buffer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int tl_names_read(const char *directory, struct tl_names *names)
{
    *names = (struct tl_names){NULL};
    DIR *d = opendir(directory);
    if (!d)
        return -1;
    errno = 0;
    for (struct dirent *x; (x = readdir(d)); errno = 0)
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
            *TL_GROW(names->list, names->n) = tl_strdup(x->d_name);
    int err = errno;
    closedir(d);
    if (err)
        tl_names_free(names);
    else if (names->n)
        qsort(names->list, names->n, sizeof *names->list, by_bytes);
    errno = err;
    return err ? -1 : 0;
}

void tl_names_free(struct tl_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct tl_names){NULL};
}
