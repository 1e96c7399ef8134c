/* Compression streams: detection, decoding with checks, and encoding whose bytes do not depend on threads. */
#ifndef SLCT_COMPRESS_H
#define SLCT_COMPRESS_H

#include "oci/layer.h"
#include "oci/mediatype.h"
#include "src/util/stream.h"

/* Decoding stream over src, which it owns (also if this fails). The codec is found by the first bytes, never by a name:
 * gzip (RFC 1952), zstd (RFC 8878, skippable frames too), else the bytes as they are; *found (may be NULL) tells.
 *
 * Errors of the reads: ERR_INTEGRITY for a wrong CRC or length at a member's end, a truncated or damaged stream, bytes
 * after the end other than zeros; ERR_INPUT for more than INFLATE_RATIO_MAX times the compressed bytes from
 * INFLATE_RATIO_FROM on, and for more than LAYER_MAX_BYTES. Several gzip members or zstd frames in a row are one
 * stream. At the end of the stream src has been read to its end, so a hash below it is complete. NULL with *e if the
 * first bytes cannot be read. */
struct rstream *compress_reader(struct rstream *src, enum mediatype_codec *found, struct err *e);
/* The same, and bzip2 and xz besides (local archives of ADD; image layers never). */
struct rstream *compress_reader_any(struct rstream *src, enum mediatype_codec *found, struct err *e);

/* Encoding stream into dst. It owns dst: finish() ends the compressed stream and finishes dst, close() closes dst.
 * c NULL or CODEC_NONE passes bytes through. gzip is one member of independently deflated 1 MiB blocks, zstd one
 * frame per MiB, so up to four threads share the work while the bytes stay the same; without a second block there is
 * no thread. dst is written in order, by one thread at a time, not always the caller's. Levels: gzip 1-3 (ISA-L), 4-9
 * (zlib), zstd 1-19; 0 the default. NULL with *e (ERR_USAGE) for others; dst is closed then. */
struct wstream *compress_writer(struct wstream *dst, const struct layer_codec *c, struct err *e);
/* With a fixed number of threads (1 to COMPRESS_THREADS_MAX). */
struct wstream *compress_writer_threads(struct wstream *dst, const struct layer_codec *c, unsigned threads,
					struct err *e);
#define COMPRESS_THREADS_MAX 4
#define COMPRESS_BLOCK_BYTES ((size_t)1 << 20)

#endif
