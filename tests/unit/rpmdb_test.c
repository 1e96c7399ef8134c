/* rpm's database in SQLite's form: the bytes are foreign, so every damage is only an answer. Whole ones are read in
 * tests/integration/test_rpmdb.py. */
#include <check.h>
#include <string.h>

#include "src/image/rpmdb.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

#define PAGE 512u

/* Page 1: the schema with a table Packages at page 2. Page 2: a leaf with one package. */
static size_t make(uint8_t *db)
{
	static const uint8_t schema[] = {6, 0x17, 0x1d, 0x1d, 1, 0x0d};
	static const uint8_t header[] = {0, 0,	  0, 3, 0, 0, 0,    6, 0, 0, 3, 0xe8, 0, 0, 0,	 6, 0,	 0, 0,	 0, 0,
					 0, 0,	  1, 0, 0, 3, 0xe9, 0, 0, 0, 6, 0,    0, 0, 2,	 0, 0,	 0, 1,	 0, 0,
					 3, 0xea, 0, 0, 0, 6, 0,    0, 0, 4, 0, 0,    0, 1, 'n', 0, '1', 0, '2', 0};
	uint8_t *p = db, *at;

	memset(db, 0, PAGE * 2);
	memcpy(p, "SQLite format 3", 16);
	p[16] = PAGE >> 8;
	p[59] = 1;
	p[100] = 0x0d;
	p[104] = 1;
	p[108] = 1; /* the cell at 256 */
	at = p + 256;
	*at++ = (uint8_t)(sizeof schema + 5 + 8 + 8 + 1);
	*at++ = 1;
	memcpy(at, schema, sizeof schema);
	at += sizeof schema;
	memcpy(at, "tablePackagesPackages\2", 22);
	p += PAGE;
	p[0] = 0x0d;
	p[4] = 1;
	p[8] = 1;
	at = p + 256;
	*at++ = (uint8_t)(sizeof header + 4);
	*at++ = 1;
	*at++ = 4;
	*at++ = 0;
	*at++ = (uint8_t)((sizeof header * 2 + 12) >> 7) | 0x80;
	*at++ = (uint8_t)((sizeof header * 2 + 12) & 0x7f);
	memcpy(at, header, sizeof header);
	return PAGE * 2;
}

START_TEST(one_package)
{
	uint8_t db[PAGE * 2];
	AUTO_SMAP struct smap found = SMAP_STR;
	size_t n = make(db);

	ck_assert_int_eq(rpmdb_sqlite(db, n, &found), 0);
	ck_assert_uint_eq(found.n, 1);
	ck_assert_str_eq(smap_get(&found, "n"), "1-2");
}
END_TEST

START_TEST(damage)
{
	for (size_t i = 0; i < PAGE * 2; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			AUTO_SMAP struct smap found = SMAP_STR;
			uint8_t db[PAGE * 2];
			size_t n = make(db);

			db[i] ^= (uint8_t)(1u << bit);
			if (rpmdb_sqlite(db, n, &found))
				ck_assert_uint_eq(found.n, 0);
		}
}
END_TEST

START_TEST(cut_off)
{
	uint8_t whole[PAGE * 2];
	size_t n = make(whole);

	for (size_t i = 0; i < n; i++) {
		AUTO_SMAP struct smap found = SMAP_STR;
		AUTO_FREE uint8_t *part = mem_dup(whole, i + 1);

		ck_assert_int_eq(rpmdb_sqlite(part, i, &found), -1);
		ck_assert_uint_eq(found.n, 0);
	}
}
END_TEST

/* Pages that lead back to one another, as inner nodes and as overflow: each is visited once. */
START_TEST(loops)
{
	AUTO_SMAP struct smap found = SMAP_STR;
	uint8_t db[PAGE * 2];
	size_t n = make(db);

	db[PAGE] = 0x05;
	db[PAGE + 4] = 0;
	db[PAGE + 11] = 2; /* the right child is itself */
	ck_assert_int_eq(rpmdb_sqlite(db, n, &found), -1);
	make(db);
	db[PAGE + 256] = 0x87; /* a row of 1000 bytes, whose rest would be on page 2 again and again */
	db[PAGE + 257] = 0x68;
	ck_assert_int_eq(rpmdb_sqlite(db, n, &found), -1);
	ck_assert_uint_eq(found.n, 0);
}
END_TEST

UNIT_MAIN("rpmdb", one_package, damage, cut_off, loops)
