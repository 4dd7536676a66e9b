/* trapline devices: the devices that hang on this machine, by the aliases that units name. */
#include "harness/cli/cli.h"

#include "harness/base/devices.h"

#include <string.h>

static json_t *device_json(const struct tl_device *d)
{
    json_t *apps = json_object();
    for (size_t i = 0; i < d->n_apps; i++)
        json_object_set_new(apps, d->apps[i].runner, json_string(d->apps[i].bundle));
    return json_pack("{s:s,s:s,s:s?,s:o}", "alias", d->alias, "udid", d->udid, "name", d->name, "apps", apps);
}

static int print_devices(const struct tl_options *o, const struct tl_devices *all)
{
    if (o->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < all->n; i++)
            json_array_append_new(list, device_json(&all->list[i]));
        return tl_print_json(json_pack("{s:o}", "devices", list));
    }
    for (size_t i = 0; i < all->n; i++) {
        const struct tl_device *d = &all->list[i];
        printf("%-16s %s", d->alias, d->udid);
        for (size_t k = 0; k < d->n_apps; k++)
            printf("  %s=%s", d->apps[k].runner, d->apps[k].bundle);
        putchar('\n');
    }
    if (!all->n)
        tl_cli_note(
            "no devices yet; `trapline devices add ALIAS UDID` makes one known (`xcrun devicectl list "
            "devices` shows what is there)");
    return tl_finish_output(TL_EXIT_OK);
}

static int change(const struct tl_options *o, struct tl_devices *all, struct tl_error *e)
{
    int result;
    if (!strcmp(o->args[0], "add"))
        result = tl_devices_add(all, o->args[1], o->args[2], o->args + 3, (size_t)(o->n_args - 3), e);
    else
        result = tl_devices_remove(all, o->args[1], e);
    return result ? result : tl_devices_save(all, e);
}

static int devices_command(struct tl_options *o)
{
    const char *what = o->n_args ? o->args[0] : "list";
    bool list = !strcmp(what, "list") && o->n_args <= 1, add = !strcmp(what, "add") && o->n_args >= 3,
         remove = !strcmp(what, "remove") && o->n_args == 2;
    if (!list && !add && !remove)
        return tl_usage_error(&tl_command_devices,
                              "`add ALIAS UDID [RUNNER=BUNDLE]… [name=NAME]`, `remove ALIAS` or "
                              "`list` was expected");
    struct tl_devices all;
    struct tl_error e;
    int status = tl_devices_load(&all, &e) || (!list && change(o, &all, &e)) ? tl_print_error(&e)
                                                                             : print_devices(o, &all);
    tl_devices_free(&all);
    return status;
}

const struct tl_command tl_command_devices = {
    .name = "devices",
    .arguments = "add ALIAS UDID [RUNNER=BUNDLE]… [name=NAME] | remove ALIAS | list",
    .about = "name devices that hang on this machine",
    .options = "",
    .run = devices_command,
};
