#include "harness/executor/unit_known.h"

#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/executor/unit.h"

#include <stdlib.h>
#include <string.h>

static void look_at(const struct tl_case *c, const char *where, const json_t *entry,
                    const char *const *runners, size_t n, json_t *said)
{
    const char *unit = json_string_value(json_object_get(entry, "unit"));
    char *runner = unit ? tl_unit_part_text(tl_unit_name_of(unit).runner) : NULL;
    const char *suggested = runner && !strchr(runner, '/') && !tl_is_one_of(runner, runners, n)
                                ? tl_suggest(runner, runners, n)
                                : NULL;
    if (suggested) {
        char *text =
            tl_format("%s: %s.unit: there is no runner %s here; did you mean %s? What is expected of it "
                      "holds for no trial here",
                      c->path, where, runner, suggested);
        json_array_append_new(said, json_string(text));
        free(text);
    }
    free(runner);
}

json_t *tl_units_misspelt(const struct tl_case *c)
{
    json_t *said = json_array(), *list = c->expected ? tl_runner_list() : NULL;
    size_t n = json_array_size(list);
    const char **runners = tl_calloc(n + 1, sizeof *runners);
    for (size_t i = 0; i < n; i++)
        runners[i] = json_string_value(json_object_get(json_array_get(list, i), "name"));
    if (json_is_object(c->expected))
        look_at(c, "$.expected", c->expected, runners, n, said);
    for (size_t i = 0; i < json_array_size(c->expected); i++) {
        char *where = tl_format("$.expected[%zu]", i);
        look_at(c, where, json_array_get(c->expected, i), runners, n, said);
        free(where);
    }
    free(runners);
    json_decref(list);
    return said;
}
