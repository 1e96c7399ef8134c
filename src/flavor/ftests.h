/* Tests and services of a flavor.yml (docs/internals/flavor.md has the schema).
 *
 *   tests:
 *     imports:
 *       stage: release                     whose result it runs in
 *       run: python3 /tests/imports.py     a text for /bin/sh, or a list of words
 *       files: tests                       directory relative to the flavor, read-only at /tests
 *       env: {LEVEL: full}
 *       user: nobody
 *       workdir: /tmp
 *       network: none                      none (default): of its own, with loopback; host
 *       timeout: 5m
 *       services: [db]
 *       exported: true                     in the files that an export of the stage has, not in the stage itself
 *   services:
 *     db:
 *       image: demo-db:1                   of the store; or stage: a stage of the flavor
 *       run: [...]                         without it the image's own command
 *       ready: pg_isready -h 127.0.0.1     tried until it succeeds, on another copy of the image
 *       timeout: 30s                       until then; a minute without it
 *       stop: 10s                          between the signal that ends it and its being killed
 *       env, user, workdir, files          as above */
#ifndef SLCT_FTESTS_H
#define SLCT_FTESTS_H

#include "src/flavor/flavor.h"
#include "src/util/yaml.h"

/* Read the mapping below `tests` (service false) or `services` of `file` into the flavor. ERR_INPUT with file:line. */
int ftests_read(struct flavor *f, const struct yaml_doc *doc, const char *file, struct json *map, bool service,
		struct err *e);
/* What only can be checked when both have been read: names of stages and services. */
int ftests_check(const struct flavor *f, const char *file, struct err *e);
const struct flavor_test *ftests_service(const struct flavor *f, const char *name); /* NULL: none */
void ftests_release(struct flavor *f);

#endif
