/* write-schemas DIR: a JSON Schema for each kind of file that people write and each document that trapline prints. It runs when
 * trapline is built, and what it writes is installed as share/trapline/schema. */
#include "cases/schema.h"
#include "harness/base/buffer.h"
#include "harness/cli/documents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Definitions that a text of a schema refers to, and those that these refer to. */
static void add_parts(json_t *definitions, const json_t *schema)
{
    char *text = json_dumps(schema, JSON_COMPACT);
    for (size_t i = 0; tl_document_parts[i]; i++) {
        char *reference = tl_format("#/definitions/%s\"", tl_document_parts[i]->name);
        if (strstr(text, reference) && !json_object_get(definitions, tl_document_parts[i]->name)) {
            json_t *part = tl_schema_of_rule(tl_document_parts[i], true);
            json_object_set_new(definitions, tl_document_parts[i]->name, part);
            add_parts(definitions, part);
        }
        free(reference);
    }
    free(text);
}

static json_t *document(const struct tl_object_rule *rule)
{
    char *title = tl_format("What trapline prints with --json: %s", rule->name);
    json_t *top = tl_schema_of_rule(rule, true), *definitions = json_object();
    add_parts(definitions, top);
    json_t *schema = tl_schema_document(title, top, definitions);
    free(title);
    return schema;
}

/* Takes the reference. */
static int write_schema(const char *directory, const char *name, json_t *schema)
{
    char *path = tl_format("%s/%s.schema.json", directory, name);
    int status = json_dump_file(schema, path, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (status)
        perror(path);
    json_decref(schema);
    free(path);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: write-schemas DIR\n", stderr);
        return 2;
    }
    int status = write_schema(argv[1], "case", tl_schema_case()) |
                 write_schema(argv[1], "suite", tl_schema_suite()) |
                 write_schema(argv[1], "configuration", tl_schema_configuration());
    for (size_t i = 0; tl_documents[i]; i++)
        status |= write_schema(argv[1], tl_documents[i]->name, document(tl_documents[i]));
    return status ? 1 : 0;
}
