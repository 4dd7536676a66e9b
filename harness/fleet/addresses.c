/* Where servers of a fleet listen: HOST:PORT, where an address of IPv6 stands in brackets. */
#include "harness/fleet/server.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot make a fleet";

char *tl_fleet_host_of(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || colon == listen || colon[1] < '0' || colon[1] > '9' || *end || port < 1 || port > 65535)
        return NULL;
    bool brackets = listen[0] == '[' && colon[-1] == ']';
    const char *host = listen + brackets;
    size_t n = (size_t)(colon - host) - brackets;
    return memchr(host, ':', n) && !brackets ? NULL : tl_format("%.*s", (int)n, host);
}

char *tl_fleet_route_of(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    return tl_format("%.*s:%ld", (int)(colon - listen), listen, strtol(colon + 1, NULL, 10) + 1);
}

int tl_fleet_servers_parse(const char *listen, json_t **servers, struct tl_error *e)
{
    char *text = tl_strdup(listen), *save = NULL;
    int result = 0;
    *servers = json_array();
    for (char *at = strtok_r(text, ",", &save); at && !result; at = strtok_r(NULL, ",", &save)) {
        char *host = tl_fleet_host_of(at);
        if (!host)
            result = tl_fail(e, TL_ERROR_INPUT, what_, at,
                             "HOST:PORT was expected, such as 192.168.1.10:4443 or [fd00::10]:4443");
        free(host);
        for (size_t i = 0; i < json_array_size(*servers) && !result; i++)
            if (!strcmp(json_string_value(json_array_get(*servers, i)), at))
                result = tl_fail(e, TL_ERROR_INPUT, what_, at, "each server has an address of its own");
        json_array_append_new(*servers, json_string(at));
    }
    size_t n = json_array_size(*servers);
    if (!result && n != 1 && n != 3 && n != TL_FLEET_SERVERS_MOST)
        result = tl_fail(
            e, TL_ERROR_INPUT, what_, listen,
            "the addresses of one, three or five servers were expected, ',' between: more than half of "
            "them have to be there");
    for (size_t i = 0; i < n && n > 1 && !result; i++) {
        const char *one = json_string_value(json_array_get(*servers, i));
        if (strtol(strrchr(one, ':') + 1, NULL, 10) == 65535)
            result = tl_fail(e, TL_ERROR_INPUT, what_, one,
                             "servers talk to each other at the next port: there is none");
    }
    if (result) {
        json_decref(*servers);
        *servers = NULL;
    }
    free(text);
    return result;
}
