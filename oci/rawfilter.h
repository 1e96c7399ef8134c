/* bzip2 and xz by libarchive's filters: local archives of ADD only. */
#ifndef SLCT_RAWFILTER_H
#define SLCT_RAWFILTER_H

#include "oci/codec.h"

extern const struct codec_dec rawfilter_bzip2;
extern const struct codec_dec rawfilter_xz;

#endif
