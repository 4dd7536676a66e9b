/* trapline report --bundle: a finding as a directory or archive that reproduces it. */
#ifndef TL_CLI_REPORT_BUNDLE_H
#define TL_CLI_REPORT_BUNDLE_H

#include "harness/cli/cli.h"
#include "reports/finding/finding.h"

/* Writes it to where the options say, and prints what is in it and what was left out; with --for the text of the form, which
 * names it. The exit status. */
int tl_cli_report_bundle(const struct tl_options *o, const struct tl_report_source *source,
                         const json_t *case_document);

/* The same into a directory, with nothing printed on stdout. *written: what is in it, the caller's. The exit status. */
int tl_cli_bundle_into(const struct tl_options *o, const struct tl_report_source *source, const char *target,
                       const json_t *case_document, json_t **written);

/* The path of the bundle, as --bundle and --zip have it; the caller's. */
char *tl_cli_bundle_target(const struct tl_options *o);
/* Prints it and what is in it: [{"name","about","size"}]. The exit status. */
int tl_cli_print_bundle(const char *target, const json_t *files);

#endif
