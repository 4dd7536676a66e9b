/* Forms of values that several tables of keys have (keys.c, harness/cli/documents.c), as pieces of a JSON Schema in the text of C.
 * Their names are short because tables are read: nothing but the source of such a table includes this. */
#ifndef TL_FORMS_H
#define TL_FORMS_H

#include "cases/keys.h"
#include "harness/base/buffer.h"

#define TYPE(t) "{\"type\":\"" t "\"}"
#define STRING TYPE("string")
#define NUMBER TYPE("number")
#define TRUTH TYPE("boolean")
#define OBJECT TYPE("object")
#define OR_NULL(t) "{\"type\":[\"" t "\",\"null\"]}"
#define REF(name) "{\"$ref\":\"#/definitions/" name "\"}"
#define REF_OR_NULL(name) "{\"anyOf\":[" REF(name) "," TYPE("null") "]}"
#define WORDS(enumerated) "{\"enum\":[" enumerated "]}"

#define PHASES "\"generate\",\"load\",\"compile\",\"execute\",\"check\"" /* that a failure can be in */
#define OUTCOMES                                                                                             \
    "\"pass\",\"crash\",\"hang\",\"oom\",\"error\",\"wrong\",\"fallback\",\"unsupported\",\"leak\""

#define RULE_OF(rule_name, definition, list, more_members)                                                   \
    const struct tl_object_rule rule_name = {definition, list, TL_COUNT(list), more_members}

#endif
