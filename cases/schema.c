/* Puts the tables of keys together as JSON Schemas. */
#include "cases/schema.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* What several keys hold that is no object with keys of its own. */
static const struct tl_key_rule forms[] = {
    {"value", false, "{\"type\":[\"string\",\"integer\",\"boolean\"],\"maxLength\":4096}", "Of an axis"},
    {"values", false,
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":100000,\"uniqueItems\":true,"
     "\"anyOf\":[{\"items\":{\"type\":\"string\",\"maxLength\":4096}},{\"items\":{\"type\":\"integer\"}},{"
     "\"items\":{\"type\":\"boolean\"}}]}",
     "All of one type, none twice"},
    {"variant", false,
     "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"$ref\":\"#/definitions/value\"},"
     "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]}}]}}",
     "Axes and their values; of a set its elements"},
    {"combination", false,
     "{\"type\":\"object\",\"minProperties\":1,\"additionalProperties\":{\"anyOf\":[{\"$ref\":\"#/"
     "definitions/value\"},"
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":20000,\"items\":{\"$ref\":\"#/definitions/value\"}}]}}",
     "Axes, each with a value, or with a list of them"},
    {"unit", false, "{\"type\":\"string\",\"maxLength\":1024,\"pattern\":\"^(reference|same|.+:.+)$\"}",
     "RUNNER[@BUILD]:DEVICE[%ALIAS]"},
    {"argument", false,
     "{\"anyOf\":[{\"type\":\"string\",\"maxLength\":65536},{\"$ref\":\"#/definitions/"
     "conditional_arguments\"}]}",
     "A word; {AXIS}, {model}, {scratch}, {case_dir} and others are replaced"},
    {"argv", false,
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":4096,\"items\":[{\"type\":\"string\",\"minLength\":1,"
     "\"maxLength\":65536}],"
     "\"additionalItems\":{\"$ref\":\"#/definitions/argument\"}}",
     "Program and arguments"},
    {"markers", false,
     "{\"type\":\"object\",\"minProperties\":1,\"propertyNames\":{\"enum\":[\"generate\",\"load\","
     "\"compile\",\"execute\",\"check\"]},"
     "\"additionalProperties\":{\"anyOf\":[{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096},"
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":256,\"items\":{\"type\":\"string\",\"minLength\":1,"
     "\"maxLength\":4096}}]}}",
     "Texts or regular expressions, by the phase that begins with the line"},
    {"people", false,
     "{\"anyOf\":[{\"type\":\"string\",\"minLength\":1,\"maxLength\":65536},"
     "{\"type\":\"array\",\"minItems\":1,\"maxItems\":1024,\"items\":{\"type\":\"string\",\"minLength\":1,"
     "\"maxLength\":65536}}]}",
     "A text, or a list of them"},
};

json_t *tl_schema_text(const char *text)
{
    json_error_t e;
    json_t *schema = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (!schema)
        abort(); /* a text of the tables is no JSON */
    return schema;
}

static json_t *form_of(const struct tl_key_rule *key)
{
    json_t *form = tl_schema_text(key->form), *all;
    if (!key->about)
        return form;
    if (!json_object_get(form, "$ref")) {
        json_object_set_new(form, "description", json_string(key->about));
        return form;
    }
    all =
        json_pack("{s:s,s:[o]}", "description", key->about, "allOf", form); /* beside "$ref" nothing counts */
    return all;
}

json_t *tl_schema_of_rule(const struct tl_object_rule *rule, bool open)
{
    json_t *properties = json_object(), *required = json_array(),
           *schema = json_pack("{s:s}", "type", "object");
    for (size_t i = 0; i < rule->n; i++) {
        json_object_set_new(properties, rule->keys[i].name, form_of(&rule->keys[i]));
        if (rule->keys[i].required)
            json_array_append_new(required, json_string(rule->keys[i].name));
    }
    json_object_set_new(schema, "properties", properties);
    if (json_array_size(required))
        json_object_set(schema, "required", required);
    json_decref(required);
    if (!open)
        json_object_set_new(schema, "additionalProperties", json_false());
    if (rule->more) {
        json_t *more = tl_schema_text(rule->more);
        json_object_update(schema, more);
        json_decref(more);
    }
    return schema;
}

json_t *tl_schema_document(const char *title, json_t *top, json_t *definitions)
{
    json_t *schema =
        json_pack("{s:s,s:s}", "$schema", "http://json-schema.org/draft-07/schema#", "title", title);
    json_object_update(schema, top);
    json_decref(top);
    json_object_set_new(schema, "definitions", definitions);
    return schema;
}

static json_t *of_file(const char *title, const struct tl_object_rule *top)
{
    static const struct tl_object_rule *const objects[] = {
        &tl_keys_model,  &tl_keys_step,      &tl_keys_word,   &tl_keys_expect, &tl_keys_runner_expect,
        &tl_keys_count,  &tl_keys_bound,     &tl_keys_axis,   &tl_keys_limits, &tl_keys_expected,
        &tl_keys_known,  &tl_keys_reference, &tl_keys_output, &tl_keys_file,   &tl_keys_version,
        &tl_keys_metric, &tl_keys_input,     &tl_keys_fill};
    json_t *definitions = json_object();
    for (size_t i = 0; i < TL_COUNT(forms); i++)
        json_object_set_new(definitions, forms[i].name, form_of(&forms[i]));
    for (size_t i = 0; i < TL_COUNT(objects) && top == &tl_keys_case; i++)
        json_object_set_new(definitions, objects[i]->name, tl_schema_of_rule(objects[i], false));
    if (top != &tl_keys_case) { /* of commands there are none in it */
        static const char *const unused[] = {"argument", "argv",   "combination", "markers",
                                             "people",   "values", "variant"};
        for (size_t i = 0; i < TL_COUNT(unused); i++)
            json_object_del(definitions, unused[i]);
    }
    return tl_schema_document(title, tl_schema_of_rule(top, false), definitions);
}

json_t *tl_schema_case(void)
{
    return of_file("A case of trapline: a model, what can vary, and what is expected", &tl_keys_case);
}

json_t *tl_schema_suite(void)
{
    return of_file("A suite of trapline: cases and units that are run every night", &tl_keys_suite);
}

json_t *tl_schema_configuration(void)
{
    json_t *definitions = json_object();
    for (size_t i = 0; i < TL_COUNT(forms); i++)
        if (!strcmp(forms[i].name, "unit"))
            json_object_set_new(definitions, forms[i].name, form_of(&forms[i]));
    json_object_set_new(definitions, tl_keys_redaction.name, tl_schema_of_rule(&tl_keys_redaction, false));
    return tl_schema_document("What holds for trapline where a command line says nothing",
                              tl_schema_of_rule(&tl_keys_configuration, false), definitions);
}
