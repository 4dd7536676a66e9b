/* What the two halves of the sandbox share. */
#ifndef TL_SANDBOX_IMPL_H
#define TL_SANDBOX_IMPL_H

#include "harness/supervise/sandbox.h"

#include <stddef.h>
#include <sys/types.h>

struct tl_path {
    char *path;
    bool directory;
};

struct tl_paths {
    struct tl_path *list;
    size_t n;
};

struct tl_sandbox {
    bool network;
    bool other; /* it runs as another user than we do */
    uid_t user;
    gid_t group;
    struct tl_paths devices; /* that are below its /dev */
    struct tl_paths run;     /* that are below its /run */
    struct tl_paths hidden;  /* where it finds nothing */
    int scope;
};

#endif
