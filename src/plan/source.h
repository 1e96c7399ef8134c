/* Where COPY and ADD take files from: a build context (a directory with an ignore file, or a flavor's union of mapped
 * directories), or a root file system. Both give the same lists of entries, so that digests and copies are made in one
 * way. */
#ifndef SLCT_SOURCE_H
#define SLCT_SOURCE_H

#include <sys/stat.h>

#include "src/dockerfile/ignore.h"
#include "src/util/err.h"
#include "src/util/ownview.h"
#include "src/util/vec.h"

/* Depth of directories below a source: half of what PATH_MAX allows. */
#define SOURCE_DEPTH_MAX 2048
/* Entries of one selection: more than any real context; bounds memory to some GiB. */
#define SOURCE_ENTRIES_MAX 10000000u

/* Part of a context: a directory, file or literal text at a place in it. */
struct source_part {
	char *dest; /* clean relative path; "" is the root */
	char *path; /* absolute path on the host; NULL: text */
	char *text;
	size_t text_len;
	int fd; /* O_PATH, by source_prepare(); -1 */
};

struct source_set {
	VEC_OF(struct source_part) parts; /* later ones hide earlier ones */
	struct ignore *ignore;		  /* applied to paths in the context; NULL: nothing */
	bool follow;			  /* symlinks are followed (flavors) instead of kept */
	int rootfd;			  /* a root file system instead of parts; -1: parts */
	const struct ownview *view;	  /* how owners are recorded in it; NULL: the disk and records on files count */
};

void source_init(struct source_set *s); /* no parts; rootfd -1 */
void source_release(struct source_set *s);
/* One more part: what the host has at `path` appears at dest, as does a file of these n bytes. All is copied. */
void source_add(struct source_set *s, const char *dest, const char *path);
void source_add_text(struct source_set *s, const char *dest, const char *text, size_t n);
/* Open the parts; in the worker that walks them, so that the scheduler's descriptors do not grow with the flavors. */
int source_prepare(struct source_set *s, struct err *e);
/* A root file system; descriptor and view stay the caller's. Entries have the metadata of the image. */
void source_of_root(struct source_set *s, int rootfd, const struct ownview *view);

#define SOURCE_VIRTUAL SIZE_MAX

struct source_entry {
	char *rel;	 /* path below the match, "" for the match itself */
	struct stat st;	 /* mode, owner, size, times, dev, ino, nlink */
	char *target;	 /* of a symlink */
	char *open_path; /* for source_open(): below the part or the root; "" is the part itself */
	bool passage;	 /* a directory that only leads to what was asked for: made if missing, else left alone */
	size_t part;	 /* index into the set's parts; unused for a root, SOURCE_VIRTUAL for a directory that only
			    holds parts */
};

/* One thing that a source pattern names, with all below it in order (byte order of path components, parents first). */
struct source_match {
	char *path;			     /* in the context or root, without leading slash; "" is all of it */
	VEC_OF(struct source_entry) entries; /* [0] is the thing itself */
};

struct source_list {
	VEC_OF(struct source_match) matches;
	bool wildcard; /* a pattern had wildcards */
	size_t entries;
};

/* What COPY and ADD ask for. */
struct source_query {
	const struct strv *patterns;
	const struct strv *excludes; /* NULL: none. As in an ignore file, against paths below each directory that is
				      * copied; what a pattern itself names is never excluded */
	bool parents;		     /* directories above the named things are kept, from "/./" on */
};

/* Everything that the patterns name, in their order. A pattern without wildcard that names nothing is ERR_INPUT
 * ("COPY x: no such file in the context", with a hint if the ignore file leaves it out); a wildcard may name nothing.
 * Symlinks named by a pattern are followed inside the context (root), those below a directory are kept. With parents,
 * a match is the directory that the pattern starts from, its entries are what the pattern names and what leads there;
 * no symlink is followed then. */
int source_select(const struct source_set *s, const struct source_query *q, struct source_list *out, struct err *e);
void source_list_release(struct source_list *l);
#define AUTO_SOURCE_LIST AUTO(source_list_release)

/* Open a regular file of the list for reading; a file that was exchanged for another inode is refused. -1 with *e.
 * Literal text: a descriptor of a memory file. */
int source_open(const struct source_set *s, const struct source_entry *en, struct err *e);
/* Extended attributes of an entry that may be copied (user.* and security.capability, POSIX ACLs; neither overlay's
 * marks nor slct's own), sorted by name. */
struct source_xattr {
	char *name;
	void *value;
	size_t n;
};
struct source_xattrs {
	VEC_OF(struct source_xattr) v;
	bool others; /* there are some that are not copied, but would be in a layer */
};
int source_xattrs_get(const struct source_set *s, const struct source_entry *en, struct source_xattrs *out,
		      struct err *e);
void source_xattrs_release(struct source_xattrs *x);

#endif
