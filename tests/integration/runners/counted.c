/* A runner that notes each time it is asked what it can do, and answers as the file $COUNTED/answer says:
 * "no" (its device cannot be used), "gpu" (it has another one), "die", else yes. */
#include "runners/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_file(const char *name, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("COUNTED"), name);
    return fopen(path, mode);
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    char answer[16] = "";
    FILE *f = open_file("asked", "a");
    if (!f)
        return -1;
    fputs("asked\n", f);
    fclose(f);
    f = open_file("answer", "r");
    if (f && !fgets(answer, sizeof answer, f))
        *answer = '\0';
    if (f)
        fclose(f);
    if (!strcmp(answer, "die"))
        abort();
    return json_array_append_new(devices,
                                 json_pack("{s:s,s:b,s:s}", "name", strcmp(answer, "gpu") ? "cpu" : "gpu",
                                           "usable", strcmp(answer, "no") != 0, "why", "told so"));
}

static int trial(struct tl_run *run, void *state)
{
    tl_run_phase(run, "execute");
    tl_run_result(run, json_pack("{s:[]}", "outputs"));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {
        .name = "counted", .version = "1", .describe = describe, .trial = trial};
    return tl_runner_main(argc, argv, &runner);
}
