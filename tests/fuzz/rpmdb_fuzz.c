/* Fuzz target: any bytes as rpm's database in SQLite's form. What is not accepted gives no packages. */
#include <stdlib.h>

#include "src/image/rpmdb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SMAP struct smap found = SMAP_STR;

	if (rpmdb_sqlite(data, size, &found) && found.n)
		abort();
	return 0;
}
