#include "harness/cli/site.h"

#include <signal.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool on_turn(void *arg, const char *doing, uint64_t done, uint64_t total)
{
    if (total)
        tl_progress_show(arg, "%s: %llu of %llu", doing, (unsigned long long)done, (unsigned long long)total);
    else
        tl_progress_show(arg, "%s: %llu", doing, (unsigned long long)done);
    return interrupted;
}

int tl_cli_site(const struct tl_options *o, struct tl_site_result *r)
{
    struct tl_store *s;
    struct tl_error e;
    struct tl_progress line;
    const struct sigaction stop = {.sa_handler = on_signal};
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e))
        return tl_print_error(&e);
    tl_progress_begin(&line, o->json && !o->verbose);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    const struct tl_site_options options = {.target = o->site,
                                            .keep_paths = o->keep_paths,
                                            .trapline = TL_VERSION,
                                            .turn = on_turn,
                                            .arg = &line};
    int failed = tl_site_write(s, &options, r, &e);
    tl_progress_clear(&line);
    tl_store_close(s, NULL);
    return failed ? tl_print_error(&e) : TL_EXIT_OK;
}
