#include "harness/cli/reduce_picture.h"

#include "reports/graph_text.h"
#include "reports/graph_words.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NODES_MOST 20
#define NO_TERMINAL 100 /* columns */

/* Of the terminal; COLUMNS where there is none that says it. */
static size_t width_of_output(void)
{
    struct winsize w;
    const char *columns = getenv("COLUMNS");
    long said = columns ? strtol(columns, NULL, 10) : 0;
    if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col)
        return w.ws_col;
    return said >= 20 && said <= 1000 ? (size_t)said : NO_TERMINAL;
}

bool tl_reduce_print_picture(const json_t *graph)
{
    if (tl_graph_count(graph) > NODES_MOST)
        return false;
    char *text = tl_graph_text(graph, width_of_output(), strcmp(nl_langinfo(CODESET), "UTF-8") != 0);
    bool any = text != NULL;
    if (any)
        fputs(text, stdout);
    free(text);
    return any;
}
