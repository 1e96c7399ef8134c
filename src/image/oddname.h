/* Names of files that tools between an archive and a database's file system are known to stumble over: BucketFS unpacks
 * the archive, lists its files as lines of text and serves them by HTTP. */
#ifndef SLCT_ODDNAME_H
#define SLCT_ODDNAME_H

#include "src/util/base.h"

/* A path is put below /buckets/<bucketfs>/<bucket>/<path>/<container>/ there, and PATH_MAX is 4096. */
#define ODDNAME_PATH_MAX 3500

/* What is odd about a path ("a control character"), NULL if nothing is. */
const char *oddname_why(const char *path);

#endif
