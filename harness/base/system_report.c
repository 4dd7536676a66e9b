#include "harness/base/system_report.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"imported", "own", "helper", "note"};
_Static_assert(TL_COUNT(names) == TL_REPORT_RELATIONS, "every relation has a name");

const char *tl_report_relation_name(enum tl_report_relation r)
{
    return (unsigned)r < TL_REPORT_RELATIONS ? names[r] : "unknown";
}

int tl_report_relation_parse(const char *name)
{
    for (int i = 0; name && i < TL_REPORT_RELATIONS; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

void tl_system_report_free(struct tl_system_report *r)
{
    char *strings[] = {r->kind,        r->incident,  r->process, r->os,    r->os_build, r->model,
                       r->cpu,         r->exception, r->subtype, r->codes, r->queue,    r->reason,
                       r->termination, r->title,     r->name,    r->text};
    for (size_t i = 0; i < TL_COUNT(strings); i++)
        free(strings[i]);
    *r = (struct tl_system_report){0};
}

void tl_system_report_identify(struct tl_system_report *r)
{
    /* Which kind of name it is belongs to the hash: a text is nobody's incident. */
    char *key = r->incident ? tl_format("incident %s", r->incident) : NULL;
    if (key)
        tl_content_id(key, strlen(key), r->id);
    else
        tl_content_id(r->text ? r->text : "", r->size, r->id);
    free(key);
}
