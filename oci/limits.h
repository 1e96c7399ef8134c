/* Every cap on input from outside, with its reason. */
#ifndef SLCT_LIMITS_H
#define SLCT_LIMITS_H

/* distribution-spec: registries take manifests up to 4 MiB. */
#define MANIFEST_MAX_BYTES ((size_t)4 << 20)
/* Real configs are some KiB; 8 MiB holds tens of thousands of history entries. */
#define CONFIG_MAX_BYTES ((size_t)8 << 20)
/* Docker stops at 127; overlayfs at 500 lower directories, but deep stacks are folded (src/build/lowers.h). */
#define LAYERS_MAX 4096
/* Manifests in one index: of an image some hundreds, but a cache directory has two for each step; more than these do
 * not fit into MANIFEST_MAX_BYTES anyway. */
#define INDEX_ENTRIES_MAX 16384
/* Entries of one layer: the largest known images have about a million files. */
#define LAYER_ENTRIES_MAX 10000000u
/* PATH_MAX for a whole path, as the kernel; NAME_MAX for one part is the kernel's own error. */
#define LAYER_PATH_MAX 4096
/* Depth of a path in parts: half of what PATH_MAX allows. */
#define LAYER_DEPTH_MAX 2048
/* Extended attributes of one entry: the kernel's XATTR_SIZE_MAX per value. */
#define LAYER_XATTR_MAX 65536
/* Names of one layer's directories, kept until the end for their times: 1.6 million of 40 bytes. */
#define LAYER_DIR_NAMES_MAX ((size_t)64 << 20)
/* One layer inflated; a real bound is the disk, this one catches nonsense sizes. */
#define LAYER_MAX_BYTES ((uint64_t)1 << 40)
/* Inflated over compressed bytes beyond which a layer is a bomb, and from what size on it is looked at. zstd of zeros
 * reaches about 30,000; gzip 1030. */
#define INFLATE_RATIO_MAX  40000u
#define INFLATE_RATIO_FROM ((uint64_t)1 << 30)
/* Members of an archive of images: a layer and its directory each, some hundred images. */
#define BUNDLE_MEMBERS_MAX 65536
/* Links in a row from one member to the next, as the kernel's MAXSYMLINKS. */
#define BUNDLE_LINKS_MAX 40

#endif
