/* The settings by their names, and a value of each at each of the places that may say one. */
#include "harness/cli/config.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

const struct tl_setting_name tl_setting_names[TL_SETTING_COUNT] = {
    [TL_SETTING_DATABASE] = {"database", "--db", "TRAPLINE_DB", NULL},
    [TL_SETTING_UNITS] = {"units", "-u", "TRAPLINE_UNITS", "none"},
    [TL_SETTING_JOBS] = {"jobs", "-j", "TRAPLINE_JOBS", NULL},
    [TL_SETTING_COLOR] = {"color", "--color", "TRAPLINE_COLOR", NULL},
    [TL_SETTING_KEEP_PATHS] = {"redaction.keep_paths", "--keep-paths", "TRAPLINE_KEEP_PATHS", NULL},
    [TL_SETTING_WORDS] = {"redaction.words", NULL, "TRAPLINE_REDACT", "none"},
};

void tl_config_set(struct tl_config *k, enum tl_config_setting s, enum tl_config_place place, json_t *value,
                   char *where)
{
    struct tl_config_value *v = &k->values[s][place];
    json_decref(v->value);
    free(v->where);
    *v = (struct tl_config_value){value, where};
}

void tl_config_free(struct tl_config *k)
{
    for (int s = 0; s < TL_SETTING_COUNT; s++)
        for (int place = 0; place < TL_PLACE_COUNT; place++)
            tl_config_set(k, s, place, NULL, NULL);
    struct tl_config_file *files[] = {&k->project, &k->user};
    for (size_t i = 0; i < TL_COUNT(files); i++) {
        free(files[i]->path);
        free(files[i]->aside);
    }
    memset(k, 0, sizeof *k);
}

enum tl_config_place tl_config_place_of(const struct tl_config *k, enum tl_config_setting s)
{
    for (int place = 0; place < TL_PLACE_DEFAULT; place++)
        if (k->values[s][place].value)
            return place;
    return TL_PLACE_DEFAULT;
}
