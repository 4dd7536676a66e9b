/* Writes the site for the commands that do so, with a line that tells how far it is. */
#include "harness/cli/site.h"

int tl_cli_site(const struct tl_options *o, struct tl_site_result *r)
{
    struct tl_store *s;
    struct tl_error e;
    struct tl_cli_progress line;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    tl_cli_progress_begin(&line, o);
    tl_cli_catch_interrupts();
    const struct tl_site_options options = {
        .target = o->site, .keep_paths = o->keep_paths, .trapline = TL_VERSION, .watch = &line.watch};
    int failed = tl_site_write(s, &options, r, &e);
    tl_cli_progress_clear();
    tl_store_close(s, NULL);
    return failed ? tl_print_error(&e) : TL_EXIT_OK;
}
