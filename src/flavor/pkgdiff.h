/* What became of a flavor's packages between two versions of its packages files, as EXASLCT's generate-package-diffs
 * says it: NEW, REMOVED, UPDATED, MOVED to another build step.
 *
 *   build_steps: [{name, phases: [{apt|pip|r|conda: {packages: [{name, version}]}}]}]
 *
 * A package that is listed twice for one installer counts once, the first time. Source: exasol's package management
 * (packages.yml, version 1) and the reports in its repositories. */
#ifndef SLCT_PKGDIFF_H
#define SLCT_PKGDIFF_H

#include "src/util/buf.h"
#include "src/util/err.h"
#include "src/util/vec.h"

enum pkgdiff_status { PKGDIFF_NEW = 1, PKGDIFF_REMOVED = 2, PKGDIFF_UPDATED = 4, PKGDIFF_MOVED = 8 };

struct pkgdiff_row {
	char *package;
	char *old_version, *new_version; /* NULL: it is not there */
	char *old_step, *new_step;
	unsigned status; /* of pkgdiff_status, combined; 0: unchanged */
};

#define PKGDIFF_INSTALLERS 4
struct pkgdiff {
	bool there; /* the new version has a packages file */
	struct {
		struct pkgdiff_row *v; /* in the order of the report */
		size_t n, cap;
	} installer[PKGDIFF_INSTALLERS];
};

/* Compare packages files; either may be missing (then old or new has no packages). ERR_INPUT with file and line. */
int pkgdiff_compare(const char *old_file, const char *new_file, struct pkgdiff *out, struct err *e);
void pkgdiff_release(struct pkgdiff *d);
#define AUTO_PKGDIFF AUTO(pkgdiff_release)
/* "NEW & MOVED"; "" for 0. At most 40 bytes into out. */
const char *pkgdiff_status_text(unsigned status, char out[40]);

/* What a report is about. */
struct pkgdiff_title {
	const char *what;		     /* "Public packages" */
	const char *new_flavor, *old_flavor; /* names of directories */
	const char *new_name, *old_name;     /* of the versions */
	bool alone;			     /* there is nothing to compare with: one column of versions, no status */
};
/* The report as Markdown. */
void pkgdiff_markdown(const struct pkgdiff *d, const struct pkgdiff_title *t, struct buf *out);
/* "my-flavor_one" as "My Flavor One"; caller frees. */
char *pkgdiff_title_case(const char *name);

#endif
