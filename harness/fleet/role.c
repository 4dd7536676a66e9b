#include "harness/fleet/role.h"

#include <string.h>

static const char *const roles[TL_FLEET_ROLES] = {"admin", "submit", "worker"};

const char *tl_fleet_role_name(enum tl_fleet_role role)
{
    return roles[role];
}

int tl_fleet_role_parse(const char *name)
{
    for (int i = 0; i < TL_FLEET_ROLES; i++)
        if (!strcmp(name, roles[i]))
            return i;
    return -1;
}

int tl_fleet_check_name(const char *name, struct tl_error *e)
{
    size_t n = strlen(name);
    if (n && n < TL_FLEET_NAME_SIZE && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n &&
        name[0] != '-')
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, "this cannot be the name of a machine", name,
                   "1 to %d of a-z, 0-9 and '-' were expected, such as mac-m4-1", TL_FLEET_NAME_SIZE - 1);
}
