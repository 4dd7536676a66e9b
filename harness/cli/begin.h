/* What commands that run trials begin with. All print what is wrong. */
#ifndef TL_CLI_BEGIN_H
#define TL_CLI_BEGIN_H

#include "cases/case.h"
#include "cases/load.h"
#include "harness/campaign/nightly.h"
#include "harness/cli/cli.h"

/* Loads a case file. Returns NULL, and the exit status, after printing all its mistakes. */
struct tl_case *tl_load_case(const char *path, int *status);
/* Loads a suite with its cases, and prints the mistakes of all of them. Returns the exit status; n is to be
 * released. */
int tl_cli_load_suite(struct tl_nightly *n, const char *path);

#endif
