/* Layers: from a tree on disk to a canonical tar with digests, and back.
 *
 * A layer tree is a directory as overlayfs(5) keeps its upper directory: whiteouts are character devices 0:0, opaque
 * directories carry user.overlay.opaque=y, recorded owners carry user.slct.o (ownrec.h). Its tar is a changeset of the
 * image-spec (layer.md). The functions run in a worker, inside the user namespace of the tree; ids are the ones seen
 * there. */
#ifndef SLCT_LAYER_H
#define SLCT_LAYER_H

#include "oci/descriptor.h"
#include "oci/mediatype.h"
#include "oci/owners.h"
#include "src/util/err.h"
#include "src/util/stream.h"
#include "src/util/sv.h"

/* Version of the canonical tar form; part of cache keys. */
#define LAYER_FORM_VERSION 1

struct layer_info {
	struct digest diff_id; /* of the uncompressed tar */
	uint64_t size;	       /* bytes of the uncompressed tar */
	uint64_t entries;      /* 0: the layer is empty (no entry, the root's own metadata does not count) */
	struct digest blob;    /* of the compressed form; "" if not compressed */
	uint64_t blob_size;
	bool lossy; /* something could not be kept (apply); see the warning */
};

/* Codec and level: {CODEC_GZIP, 1}; level 0 is the codec's default (gzip: ISA-L level 1; zstd: 3). */
struct layer_codec {
	enum mediatype_codec codec;
	int level;
};
/* "gzip", "zstd:19", "none". ERR_USAGE: another name, or a level that it has not. */
int layer_codec_parse(struct sv text, struct layer_codec *out, struct err *e);
/* "gzip:isal:1" and the like: what the layer's record keeps. out has room for 32 bytes. */
const char *layer_codec_name(const struct layer_codec *c, char out[32]);

/* Read the tree once: canonical tar to diff id, and if out is not NULL through the codec into it. Threads inside; bytes
 * do not depend on their number. The tree is read through treefd (a directory, O_PATH too); its root's own metadata is
 * not in the tar. out is borrowed: neither finished nor closed, and not only written by the caller's thread. */
int layer_pack(int treefd, const struct layer_codec *codec, struct wstream *out, struct layer_info *info,
	       struct err *e);

/* The same for a tree whose owners are kept as the view says (may be NULL); owners (may be NULL) gets what is recorded.
 */
int layer_pack_as(int treefd, const struct ownview *view, struct owners *owners, const struct layer_codec *codec,
		  struct wstream *out, struct layer_info *info, struct err *e);

/* Limit mtimes of a new layer: every mtime later than `logical` (seconds) becomes it; directories last. The tree's root
 * is included. If `all`, every mtime becomes it. Fractions of a second are cut everywhere, as in the tar. */
int layer_clamp(int treefd, int64_t logical, bool all, struct err *e);

/* Unpack a layer (hostile input) beneath destfd, an empty directory: verifies that the compressed bytes have `want`
 * (may be NULL) and gives diff id and sizes. The codec is found by content. Whiteouts become overlay marks; device
 * nodes and ids that the namespace cannot hold become recorded owners. No path leaves destfd, no special file is
 * opened, limits of limits.h hold. Mode, owner and time of a "./" entry are applied to destfd. src is borrowed; it is
 * read, and progress called, by another thread. */
struct layer_apply_opts {
	const struct descriptor *want;	/* compressed digest and size, or NULL */
	const struct digest *want_diff; /* or NULL */
	bool unhashed;	/* src answers for the compressed bytes: they are not hashed, info->blob stays unset */
	bool plain;	/* a plain root file system tar (import, ADD): `.wh.` names are ordinary files and refused */
	bool may_mknod; /* real device nodes (root tier) */
	bool own;	/* owners and extended attributes are left out: all belongs to the caller */
	const struct ownview *view; /* how owners are kept; its table gets rows. NULL: those of links and the like
				     * that the namespace has no place for are lost */
	struct owners *owners;	    /* gets all that is recorded; NULL: not wanted */
	struct strv *implied;	    /* gets the directories that are only parts of names; NULL: not wanted */
	void (*progress)(void *arg, uint64_t compressed_bytes);
	void *arg;
};
int layer_apply(struct rstream *src, int destfd, const struct layer_apply_opts *o, struct layer_info *info,
		struct err *e);

#endif
