/* Fuzzes the reader of what devicectl writes: lists of devices and of files. */
#include "runners/devicectl/phone.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct tl_phone p;
    struct tl_error e;
    int found = tl_phone_find(text, size, "U", &p, &e);
    if (found == 1) {
        const struct tl_hidden h = {&p, "a", NULL};
        char *hidden = tl_hide(&h, p.name ? p.name : "");
        check(hidden && (p.udid || p.identifier));
        free(hidden);
        tl_phone_free(&p);
    }
    check(found == 1 || !p.udid);
    json_t *list = tl_phone_reports(text, size, "P", 5, &e);
    check(json_array_size(list) <= 5);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *path = json_string_value(json_array_get(list, i));
        check(*path != '/' && *path != '-' && !strstr(path, ".."));
    }
    json_decref(list);
    return 0;
}
