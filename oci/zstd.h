/* zstd (RFC 8878) by libzstd, whose own header is <zstd.h>. */
#ifndef SLCT_ZSTD_H
#define SLCT_ZSTD_H

#include "oci/codec.h"

/* One frame with checksum per block: bytes do not depend on threads, and a decoder can begin at any frame. */
extern const struct codec_enc zstd_encoder;
/* Frames (and skippable ones) in a row, then zeros or the end. Windows above libzstd's default of 128 MiB are refused.
 */
extern const struct codec_dec zstd_decoder;

/* Whether the first bytes begin a frame or a skippable frame. */
bool zstd_is_magic(const uint8_t *p, size_t n);

#endif
