/* EXASLCT's hash of a stage, for names that its users know (`slct tag --exaslct`); our own keys differ (cache.md).
 *
 *   C = SHA-256 of the content, for each file; P = SHA-256(place ‖ "64" or "0"), for each file and directory, "64"
 *   where its owner may execute it; both in the order of the places' components
 *   context = SHA-256(all C ‖ all P)
 *   hash = SHA-256(image-changing arguments: key ‖ value, sorted ‖ generated files: name ‖ text, sorted ‖ required
 *          stages: alias ‖ hash, sorted ‖ context), in base32 without padding: 52 characters
 *
 * Source: build_context_hasher.py and file_directory_list_hasher.py of exasol/integration-test-docker-environment. */
#ifndef SLCT_EXHASH_H
#define SLCT_EXHASH_H

#include "src/flavor/flavor.h"

#define EXHASH_CHARS 52

/* Hash of a stage, with those of all stages that it requires. The part of packages.yml that belongs
 * to a stage is hashed as EXASLCT writes it (expackages.h). */
int exhash_stage(const struct flavor *f, const struct flavor_stage *s, char out[EXHASH_CHARS + 1], struct err *e);

#endif
