#include "src/image/rpmdb.h"

#include <string.h>

#include "src/image/sqliteread.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

#define RPMDB_PACKAGES_MAX 100000
#define RPMDB_INDEX_BYTES  16
#define RPMDB_INDEX_MAX	   65536
#define RPMDB_TEXT_MAX	   1024 /* of a name, a version, a release */
#define RPMDB_VERSIONS_MAX 4096 /* of all versions of a name; what does not fit is left out */

enum { RPMDB_NAME = 1000, RPMDB_VERSION = 1001, RPMDB_RELEASE = 1002, RPMDB_EPOCH = 1003 };
enum { RPMDB_INT32 = 4, RPMDB_STRING = 6 };

struct rpmdb {
	struct strv found; /* "NAME\tVERSION" */
	bool bad;
};

struct rpmdb_package {
	const char *name, *version, *release;
	uint32_t epoch;
};

static uint32_t rpmdb_be32(const char *p)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

static void rpmdb_tag(const char *index, struct sv data, struct rpmdb_package *out)
{
	uint32_t tag = rpmdb_be32(index), type = rpmdb_be32(index + 4), at = rpmdb_be32(index + 8);
	const char **texts[] = {&out->name, &out->version, &out->release};
	size_t most;

	if (at >= data.n)
		return;
	most = data.n - at < RPMDB_TEXT_MAX ? data.n - at : RPMDB_TEXT_MAX;
	if (type == RPMDB_STRING && tag >= RPMDB_NAME && tag <= RPMDB_RELEASE && memchr(data.p + at, 0, most))
		*texts[tag - RPMDB_NAME] = data.p + at;
	if (type == RPMDB_INT32 && tag == RPMDB_EPOCH && data.n - at >= 4)
		out->epoch = rpmdb_be32(data.p + at);
}

/* Two numbers, of index entries and of bytes of data, then both. */
static int rpmdb_header(struct sv h, struct rpmdb_package *out)
{
	uint64_t n, size;

	*out = (struct rpmdb_package){0};
	if (h.n < 8)
		return -1;
	n = rpmdb_be32(h.p);
	size = rpmdb_be32(h.p + 4);
	if (n > RPMDB_INDEX_MAX || 8 + n * RPMDB_INDEX_BYTES + size > h.n)
		return -1;
	for (uint64_t i = 0; i < n; i++)
		rpmdb_tag(h.p + 8 + i * RPMDB_INDEX_BYTES, sv_of(h.p + 8 + n * RPMDB_INDEX_BYTES, size), out);
	return out->name && out->name[0] && out->version && out->release ? 0 : -1;
}

static bool rpmdb_row(void *arg, struct sv row)
{
	struct rpmdb *r = arg;
	struct sqliteread_value v;
	struct rpmdb_package p;

	r->bad = sqliteread_column(row, 1, &v) || v.kind != SQLITEREAD_BYTES || rpmdb_header(v.bytes, &p) ||
		 r->found.n == RPMDB_PACKAGES_MAX;
	if (r->bad)
		return false;
	if (p.epoch)
		strv_printf(&r->found, "%s\t%u:%s-%s", p.name, p.epoch, p.version, p.release);
	else
		strv_printf(&r->found, "%s\t%s-%s", p.name, p.version, p.release);
	return true;
}

static void rpmdb_put(char *line, struct smap *out)
{
	char *version = strchr(line, '\t');
	const char *other;

	*version++ = '\0';
	other = smap_get(out, line);
	if (other && strlen(other) > RPMDB_VERSIONS_MAX)
		return;
	AUTO_FREE char *all = other ? mem_printf("%s, %s", other, version) : mem_strdup(version);

	smap_set_str(out, line, all);
}

int rpmdb_sqlite(const void *p, size_t n, struct smap *out)
{
	struct sqliteread s;
	struct rpmdb r = {0};
	uint32_t first = sqliteread_open(&s, p, n) ? 0 : sqliteread_table(&s, "Packages");
	int rc = first && sqliteread_rows(&s, first, rpmdb_row, &r) == 0 && !r.bad ? 0 : -1;

	strv_sort(&r.found);
	for (size_t i = 0; rc == 0 && i < r.found.n; i++)
		rpmdb_put(r.found.v[i], out);
	strv_release(&r.found);
	return rc;
}
