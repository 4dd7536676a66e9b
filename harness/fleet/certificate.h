/* The certificates of a fleet: an authority of its own, and the server's, which that has signed.
 *
 * The authority signs nothing but servers of this fleet, so clients trust it alone and expect one name, whatever address the
 * server is reached by: a lab has machines whose addresses and names change. */
#ifndef TL_FLEET_CERTIFICATE_H
#define TL_FLEET_CERTIFICATE_H

#include "harness/base/error.h"

#include <stdbool.h>

#define TL_FLEET_SERVER_NAME "trapline-fleet" /* in the server's certificate, for clients of trapline */

/* Makes an authority where there is none: its certificate, and its key (mode 0600). Each file is whole or not there. */
int tl_fleet_authority(const char *certificate_path, const char *key_path, struct tl_error *e);
/* A certificate for the server and its key (mode 0600), signed by the authority, good for two years; host is the name or address that
 * it listens at, for clients that are not trapline's. What is there is replaced. */
int tl_fleet_certify(const char *authority_path, const char *authority_key_path, const char *host,
                     const char *certificate_path, const char *key_path, struct tl_error *e);
/* Whether the certificate in a file is signed by the authority, has that host in it, and is good for 60 days more. */
bool tl_fleet_is_certified(const char *authority_path, const char *host, const char *certificate_path);

#endif
