#include "harness/crash_report/form.h"

#include "harness/base/buffer.h"
#include "harness/crash_report/document.h"

#include <string.h>

#define LOOK_AT 4096 /* bytes of the beginning */

static const struct {
    const char *line; /* with which a line of the beginning begins */
    const char *what;
} texts[] = {
    {"Incident Identifier:",
     "it is a crash report in text form (.crash): import the .ips that the system wrote beside it"},
    {"Process:",
     "it is a crash report in text form (.crash): import the .ips that the system wrote beside it"},
    {"Analysis of sampling ", "it is the output of `sample`, of a process that did not end"},
    {"Date/Time:", "it is a report in text form (.diag, .spin or .hang), of a process that did not end"},
    {"bplist00", "it is a property list, and no report"},
};

/* Keys of a payload of MetricKit. Nothing says in which order its frames stand, so that no stack of it could be named. */
static const char metric_kit[] =
    "it is a payload of MetricKit, which is not read: import the .ips of the device";
static const char *const metric_kit_keys[] = {"crashDiagnostics", "hangDiagnostics",
                                              "cpuExceptionDiagnostics", "diskWriteExceptionDiagnostics",
                                              "timeStampBegin"};

const char *tl_report_form(const char *text, size_t size)
{
    size_t look = size < LOOK_AT ? size : LOOK_AT;
    bool begins = true, json = false;
    for (size_t i = 0; i < look && !json; i++) {
        for (size_t k = 0; begins && k < TL_COUNT(texts); k++) {
            size_t n = strlen(texts[k].line);
            if (n <= size - i && !memcmp(text + i, texts[k].line, n))
                return texts[k].what;
        }
        json = begins && text[i] == '{';
        begins = text[i] == '\n';
    }
    struct tl_documents d;
    tl_documents_begin(&d, text, size);
    json_t *j = json ? tl_document_next(&d, NULL) : NULL;
    const char *what = NULL;
    for (size_t k = 0; !json_object_get(j, "bug_type") && k < TL_COUNT(metric_kit_keys); k++)
        if (json_object_get(j, metric_kit_keys[k]))
            what = metric_kit;
    json_decref(j);
    return what;
}
