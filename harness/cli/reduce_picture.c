#include "harness/cli/reduce_picture.h"

#include "harness/cli/cli.h"
#include "reports/graph_text.h"
#include "reports/graph_words.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20
#define NO_TERMINAL 100 /* columns */

bool tl_reduce_print_picture(const json_t *graph)
{
    if (tl_graph_count(graph) > NODES_MOST)
        return false;
    char *text =
        tl_graph_text(graph, tl_output_width(NO_TERMINAL), strcmp(nl_langinfo(CODESET), "UTF-8") != 0);
    bool any = text != NULL;
    if (any)
        fputs(text, stdout);
    free(text);
    return any;
}
