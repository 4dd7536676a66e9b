/* Virtual environments cannot be moved, and their packages are hundreds of files. What is in one is a list that pip takes. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "reports/members.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ending[] = ".dist-info";

/* NAME==VERSION of NAME-VERSION.dist-info. */
static void add_package(struct tl_buffer *list, const char *name)
{
    static const char *const own[] = {"pip", "setuptools", "wheel"};
    size_t n = strlen(name), k = sizeof ending - 1;
    if (n <= k || strcmp(name + n - k, ending) != 0)
        return;
    char *package = tl_format("%.*s", (int)(n - k), name), *dash = strchr(package, '-');
    if (dash) {
        *dash = '\0';
        if (!tl_is_one_of(package, own, TL_COUNT(own)))
            tl_buffer_printf(list, "%s==%s\n", package, dash + 1);
    }
    free(package);
}

static char *packages_of(const char *environment)
{
    struct tl_buffer list = TL_BUFFER_INIT;
    char *pattern = tl_format("%s/lib/python3*/site-packages", environment);
    glob_t found;
    tl_buffer_add_string(&list, "");
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct dirent **entries;
            int n = scandir(found.gl_pathv[i], &entries, NULL, alphasort);
            for (int k = 0; k < n; k++) {
                add_package(&list, entries[k]->d_name);
                free(entries[k]);
            }
            if (n >= 0)
                free(entries);
        }
        globfree(&found);
    }
    free(pattern);
    return tl_buffer_take(&list);
}

int tl_bundle_write_packages(struct tl_bundle *b, struct tl_error *e)
{
    const json_t *tool;
    size_t i;
    int rc = 0;
    json_array_foreach(json_object_get(b->o->files, "tools"), i, tool) {
        const char *path = json_string_value(tool);
        char *directory = path ? tl_format("%.*s", (int)(tl_base_name(path) - path), path) : NULL,
             *config = directory ? tl_format("%s../pyvenv.cfg", directory) : NULL,
             *above = directory ? tl_format("%s..", directory) : NULL,
             *environment = above ? realpath(above, NULL) : NULL;
        bool is = environment && !access(config, R_OK);
        char *list = is ? packages_of(environment) : NULL;
        if (list && *list)
            rc =
                tl_bundle_write_text(b, "requirements.txt", list,
                                     "packages of the virtual environment that its tools are of, for pip", e);
        if (is)
            tl_bundle_leave_out(b, tl_format("the virtual environment %s, which %s is of%s", environment,
                                             tl_base_name(path),
                                             *list ? ": requirements.txt has its packages" : ""));
        free(list);
        free(environment);
        free(above);
        free(config);
        free(directory);
        if (is)
            break;
    }
    return rc;
}
