/* The server of a fleet as a service of the user's system. */
#include "harness/cli/fleet.h"

#include "harness/base/paths.h"
#include "harness/cli/service.h"
#include "harness/fleet/link.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SERVICE "fleet"

/* The server in the place of this process. */
int tl_cli_fleet_become(const char *directory)
{
    struct tl_error e;
    char *program = tl_fleet_link_program();
    if (program) {
        char *const argv[] = {program, "serve", (char *)directory, NULL};
        execv(program, argv);
    }
    tl_fail_errno(&e, TL_ERROR_ENVIRONMENT, errno, "cannot start nats-server", program, NULL);
    free(program);
    return tl_print_error(&e);
}

int tl_cli_fleet_install(const struct tl_options *o, const char *directory)
{
    struct tl_error e;
    struct tl_words words = {0};
    json_t *ended, *done = NULL, *note;
    size_t i;
    if (tl_fleet_link_server("down", directory, NULL, NULL, &ended, &e)) /* one that was started otherwise */
        return tl_print_error(&e);
    json_decref(ended);
    tl_words_add(&words, "fleet");
    tl_words_add(&words, "up");
    tl_words_add(&words, "--foreground");
    tl_words_add_option(&words, "--dir", directory, true);
    int status = tl_cli_service_install(o, SERVICE, "server of a fleet", &words, &done);
    json_array_foreach(json_object_get(done, "notes"), i, note)
        tl_cli_note("%s", json_string_value(note));
    tl_words_free(&words);
    json_decref(done);
    return status;
}

int tl_cli_fleet_uninstall(const struct tl_options *o)
{
    return tl_cli_service_uninstall(o, SERVICE);
}
