/* gzip (RFC 1952): encoding by ISA-L (levels 1-3) or zlib (4-9), decoding by ISA-L. */
#ifndef SLCT_GZIP_H
#define SLCT_GZIP_H

#include "oci/codec.h"

#define GZIP_MAGIC "\x1f\x8b"

/* One member: every block is deflated on its own and ended by a full flush (an empty stored block), so that decoding
 * can begin at any of them; the trailer's CRC is combined from the blocks' own. */
extern const struct codec_enc gzip_encoder;
/* Members in a row, then zeros or the end; CRC and length of each are verified. */
extern const struct codec_dec gzip_decoder;

#endif
