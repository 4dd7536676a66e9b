/* What tells of whoever sent a report by its form alone, wherever it stands in a text. */
#ifndef TL_REPORT_REDACT_FORMS_H
#define TL_REPORT_REDACT_FORMS_H

#include <stddef.h>

#define TL_REDACTED "REDACTED"

/* A new string without serial numbers, identifiers of devices, addresses of networks and of mail, and names of hosts. found
 * is called for each name of a host, so that it can be looked for where it stands without its form; NULL for nobody. */
typedef void (*tl_host_found)(void *arg, const char *name, size_t size);
char *tl_redact_forms(const char *text, tl_host_found found, void *arg);

#endif
