/* What the steps of a stage were made of, in a remote cache: so that another machine can say why it does not find its
 * step there (docs/adr/0013). One small artifact for each stage, under a tag that follows from the stage's name, since
 * of a step that is missing the earlier key is not known: an image manifest with an empty config, whose annotation is
 * the document
 *
 *   {"version": 1, "stage": NAME, "steps": [{"n", "key", "inputs"}...], "files": {TREE DIGEST: LIST}}
 *
 * inputs as in local records, what looks secret left out; lists as treelist.h. Pure: manifests in and out. */
#ifndef SLCT_CACHEWHY_H
#define SLCT_CACHEWHY_H

#include "oci/manifest.h"
#include "src/cache/clocal.h"

#define CACHEWHY_ANNOTATION "io.slct.why"
#define CACHEWHY_MEDIATYPE  "application/vnd.slct.why.v1+json" /* of the config, which is "{}" */
#define CACHEWHY_SUFFIX	    ".why"			       /* of the tag, behind that of a key */
/* Of a document; what is larger is not written, or not believed. */
#define CACHEWHY_MAX_BYTES ((size_t)1 << 20)
/* Of one list of files, and of all; larger ones are left out, and it is only said that files have changed. */
#define CACHEWHY_FILES_MAX_BYTES     ((size_t)192 << 10)
#define CACHEWHY_ALL_FILES_MAX_BYTES ((size_t)512 << 10)
#define CACHEWHY_STEPS_MAX	     5000

/* The key whose tag, with the suffix, names the artifact of a stage. */
void cachewhy_key(const char *stage, struct ckey *out);

struct json *cachewhy_new(const char *stage);
/* inputs: masked; copied. */
void cachewhy_add(struct json *doc, unsigned n, const struct ckey *key, const struct json *inputs);
/* A list of files; left out if it is too long or no text. */
void cachewhy_add_files(struct json *doc, const char *tree, struct sv list);
/* The annotations of its manifest. */
void cachewhy_annotate(struct manifest *m, const char *text, int64_t built);

/* The document of a manifest, if it is whole and of this stage; ERR_INTEGRITY. New reference. */
int cachewhy_accept(const struct manifest *m, const char *stage, struct json **doc, struct err *e);
/* Its steps as records of `stage` that may be compared with (key, n, built, inputs, stage); fn may take what is in one.
 */
void cachewhy_each(const struct json *doc, clocal_each_fn *fn, void *arg);
/* List of files; NULL. Borrowed. */
const char *cachewhy_files(const struct json *doc, const char *tree);

#endif
