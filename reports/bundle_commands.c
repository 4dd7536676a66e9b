/* The part of a bundle that is for all other runners: the commands of the case, or of the runner alone. */
#include "reports/bundle_parts.h"

#include "reports/commands.h"

#include <stdlib.h>

int tl_bundle_write_commands(struct tl_bundle *b, bool ort, struct tl_error *e)
{
    const json_t *trials[] = {json_object_get(b->report, "failing_trial"),
                              json_object_get(b->report, "control_trial")};
    char *lines[2] = {tl_steps_commands(trials[0]), tl_steps_commands(trials[1])};
    bool steps = lines[0];
    for (size_t i = 0; i < 2; i++)
        lines[i] = steps ? lines[i] : tl_runner_command(trials[i]);
    char *head = steps ? tl_strdup("# The commands of the case and nothing of trapline; run them in an empty "
                                   "directory.\n")
                       : tl_format("# There is no reproducer without trapline for this finding: %s.\n"
                                   "# These run the runner alone; its messages go to stdout.\n",
                                   ort ? "no model of the minimal variant could be written down"
                                       : "its runner is part of what is tested");
    /* Each finds nothing that the other made. */
    char *text = tl_format(
        "#!/bin/sh\n%s\n# the minimal variant, which fails\n%s%s\n# the neighbour that "
        "passed\n%s%s",
        head, steps ? "mkdir failing && cd failing || exit 2\n" : "", lines[0] ? lines[0] : "# unknown\n",
        steps ? "mkdir ../control && cd ../control || exit 2\n" : "", lines[1] ? lines[1] : "# unknown\n");
    int rc = tl_bundle_write_text(
        b, "commands.sh", text,
        steps ? "the commands of the case alone" : "the command lines of the runner alone", e);
    tl_bundle_leave_out(b, tl_format("repro.c and repro.py: %s; see commands.sh",
                                     ort ? "there is no model for them to run"
                                         : "this runner does not run a model in ONNX Runtime"));
    free(text);
    free(head);
    free(lines[0]);
    free(lines[1]);
    return rc;
}
