/* A document in which every member in turn is of every type but its own, down to some depth below `at`: what uses one
 * must not mind. Of a list the first element is looked into. */
#ifndef TL_TEST_SPOIL_H
#define TL_TEST_SPOIL_H

#include <jansson.h>
#include <stdio.h>

static inline void spoil(json_t *whole, json_t *at, int depth, void (*use)(json_t *whole))
{
    const char *key;
    json_t *value, *member;
    void *next;
    if (depth < 0)
        return;
    json_object_foreach_safe(at, next, key, value) {
        char name[64];
        snprintf(name, sizeof name, "%s", key);
        json_incref(value);
        for (int kind = 0; kind < 6; kind++) {
            json_object_set_new(at, name,
                                kind == 0   ? json_null()
                                : kind == 1 ? json_integer(-1)
                                : kind == 2 ? json_string("\x7f|`<")
                                : kind == 3 ? json_pack("[n,{s:n},[],s]", "a", "b")
                                : kind == 4 ? json_pack("{s:n}", "axis")
                                            : json_false());
            use(whole);
        }
        json_object_set(at, name, value);
        if (json_is_object(value))
            spoil(whole, value, depth - 1, use);
        else if ((member = json_array_get(value, 0)))
            spoil(whole, member, depth - 1, use);
        json_decref(value);
    }
}

#endif
