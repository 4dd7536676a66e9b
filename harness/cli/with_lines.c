#include "harness/cli/with_lines.h"

#include "harness/base/utf8.h"

#include <stdlib.h>

json_t *tl_cli_with_lines(const json_t *j)
{
    if (json_is_string(j)) {
        char *line = tl_one_line(json_string_value(j));
        json_t *string = json_string(line);
        free(line);
        return string;
    }
    if (!json_is_object(j) && !json_is_array(j))
        return json_deep_copy(j);
    json_t *copy = json_is_object(j) ? json_object() : json_array(), *one;
    const char *key;
    size_t i;
    json_array_foreach(j, i, one)
        json_array_append_new(copy, tl_cli_with_lines(one));
    json_object_foreach((json_t *)j, key, one) {
        char *line = tl_one_line(key);
        json_object_set_new(copy, line, tl_cli_with_lines(one));
        free(line);
    }
    return copy;
}
