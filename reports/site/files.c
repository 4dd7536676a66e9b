/* Files of a site: pages, which are HTML, and data files, which are scripts that hand lists to site.js. They
 * are written to the stage (place.c); what is said of a failure is said of the target, which is as it was. */
#include "reports/site/files.h"

#include "harness/base/files.h"
#include "reports/site/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char cannot[] = "cannot write the site";

int tl_site_put(struct tl_site *w, const char *name, const char *data, size_t size, struct tl_error *e)
{
    char *path = tl_format("%s/%s", w->stage, name);
    size_t n = strlen(name);
    bool page = n > 5 && !strcmp(name + n - 5, ".html");
    struct tl_buffer visible = TL_BUFFER_INIT;
    if (page) { /* reports of findings have their own way with text from outside: here all of it is made
                   visible */
        tl_site_visible(&visible, data, size);
        data = visible.data;
        size = visible.size;
    }
    int rc = tl_replace_file(path, data, size, 0666, false);
    if (rc)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot, w->o->target,
                      "%s cannot be written; what was there before is as it was", name);
    w->r->files++;
    w->r->pages += page;
    w->r->bytes += size;
    w->r->largest = size > w->r->largest ? size : w->r->largest;
    tl_buffer_free(&visible);
    free(path);
    return rc;
}

int tl_site_put_data(struct tl_site *w, const char *kind, size_t number, const struct tl_site_member *members,
                     size_t n, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *name = tl_format("data/%s-%zu.js", kind, number);
    tl_buffer_printf(&b, "TL.got(\"%s-%zu\",{", kind, number);
    for (size_t i = 0; i < n; i++) {
        tl_buffer_printf(&b, "%s%c:[", i ? ",\n" : "", members[i].letter);
        if (members[i].list->size)
            tl_buffer_add(&b, members[i].list->data, members[i].list->size);
        tl_buffer_add_string(&b, "]");
    }
    tl_buffer_add_string(&b, "})\n");
    int rc = tl_site_put(w, name, b.data, b.size, e);
    tl_buffer_free(&b);
    free(name);
    return rc;
}

void tl_site_file(struct tl_site_files *f, const char *first)
{
    if (f->n++)
        tl_buffer_add_string(&f->firsts, ",\n");
    tl_site_json(&f->firsts, first);
}

int tl_site_tell(const struct tl_site *w, const char *doing, uint64_t done, uint64_t total,
                 struct tl_error *e)
{
    const struct tl_watch *watch = w->o->watch;
    bool stop = total ? tl_watch_line(watch, "%s: %llu of %llu", doing, (unsigned long long)done,
                                      (unsigned long long)total)
                      : tl_watch_line(watch, "%s: %llu", doing, (unsigned long long)done);
    if (!stop)
        return 0;
    return tl_fail(e, TL_ERROR_INTERRUPTED, cannot, w->o->target,
                   "it was stopped; what was there before is as it was");
}
