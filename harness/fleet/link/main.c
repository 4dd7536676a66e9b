/* trapline-fleet-link: holds the connection to a fleet for trapline, which has started it and talks to it on descriptor 3 in frames
 * (harness/fleet/link.h). It ends when that does. */
#include "harness/fleet/link/link_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SOCKET 3
#define TURN_MS 200

static void frame(struct tl_connection *c, const struct tl_frame_in *f)
{
    switch (c->key.role) {
    case TL_FLEET_ADMIN:
        tl_admin_frame(c, f);
        break;
    case TL_FLEET_SUBMIT:
        tl_submit_frame(c, f);
        break;
    case TL_FLEET_WORKER:
        tl_work_frame(c, f);
        break;
    }
}

static void turn(struct tl_connection *c)
{
    if (c->key.role == TL_FLEET_SUBMIT)
        tl_submit_turn(c);
    else if (c->key.role == TL_FLEET_WORKER)
        tl_work_turn(c);
}

int main(int argc, char **argv)
{
    struct tl_connection c = {0};
    struct tl_frame_reader reader = {.fd = SOCKET};
    struct tl_frame_in f;
    struct tl_error e = {0};
    if (argc == 3 && !strcmp(argv[1], "serve")) /* `trapline fleet up --foreground` */
        return tl_owner_serve(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    if (fcntl(SOCKET, F_GETFD) < 0) {
        fputs("trapline-fleet-link: it is started by trapline: see `trapline help worker`\n", stderr);
        return 2;
    }
    if (tl_frame_next(&reader, -1, &f) <= 0)
        return 0;
    if (json_object_get(f.head, "server")) {
        tl_owner_frame(json_object_get(f.head, "server"));
        tl_frame_in_free(&f);
        return 0;
    }
    if (tl_connect(&c, json_object_get(f.head, "open"), &e)) {
        tl_frame_in_free(&f);
        tl_tell_failure(NULL, NULL, &e);
        return 0;
    }
    tl_frame_in_free(&f);
    tl_tell(json_pack("{s:s}", "ready", c.key.name), NULL, 0);
    for (int got; (got = tl_frame_next(&reader, TURN_MS, &f)) >= 0;) {
        if (got) {
            frame(&c, &f);
            tl_frame_in_free(&f);
        }
        turn(&c);
    }
    if (c.key.role == TL_FLEET_SUBMIT)
        tl_submit_end(&c);
    /* Whatever its threads do: what was taken and not answered is given to somebody else when its time is up. */
    tl_fleet_key_free(&c.key);
    return 0;
}
