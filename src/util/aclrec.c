/* Access control lists with ids of nobody here. */
#include "src/util/aclrec.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"

#define ACLREC_VERSION	  2
#define ACLREC_HEAD_BYTES 4
#define ACLREC_BYTES	  8
#define ACLREC_NOBODY	  UINT32_MAX
#define ACLREC_PERMS	  7

static const struct {
	const char *list, *beside;
} aclrec_names[] = {{ACLREC_ACCESS, ACLREC_ACCESS_BESIDE}, {ACLREC_DEFAULT, ACLREC_DEFAULT_BESIDE}};

const char *aclrec_beside(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(aclrec_names); i++)
		if (strcmp(name, aclrec_names[i].list) == 0)
			return aclrec_names[i].beside;
	return NULL;
}

/* --- the form --- */

static uint32_t number(const unsigned char *p, size_t bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static struct aclrec_entry entry(const unsigned char *p)
{
	return (struct aclrec_entry){(uint16_t)number(p, 2), (uint16_t)number(p + 2, 2), number(p + 4, 4)};
}

struct aclrec_entry aclrec_at(const void *acl, size_t i)
{
	return entry((const unsigned char *)acl + ACLREC_HEAD_BYTES + i * ACLREC_BYTES);
}

static bool is_named(const struct aclrec_entry *en)
{
	return en->tag == ACLREC_USER || en->tag == ACLREC_GROUP;
}

/* The tags rise; only named entries come more than once. */
static bool follows(const struct aclrec_entry *en, unsigned last)
{
	bool named = is_named(en);

	return en->perm <= ACLREC_PERMS && (!named || en->id != ACLREC_NOBODY) &&
	       (en->tag > last || (named && en->tag == last)) && (en->tag & (en->tag - 1)) == 0 &&
	       en->tag <= ACLREC_OTHERS;
}

size_t aclrec_count(const void *acl, size_t n)
{
	const unsigned need = ACLREC_OWNER | ACLREC_GROUP_OWNER | ACLREC_OTHERS;
	unsigned seen = 0, last = 0;
	size_t count;

	if (n < ACLREC_HEAD_BYTES || n > ACLREC_MAX || (n - ACLREC_HEAD_BYTES) % ACLREC_BYTES ||
	    number(acl, ACLREC_HEAD_BYTES) != ACLREC_VERSION)
		return SIZE_MAX;
	count = (n - ACLREC_HEAD_BYTES) / ACLREC_BYTES;
	for (size_t i = 0; i < count; i++) {
		struct aclrec_entry en = aclrec_at(acl, i);

		if (!follows(&en, last))
			return SIZE_MAX;
		seen |= last = en.tag;
	}
	if ((seen & need) != need || ((seen & (ACLREC_USER | ACLREC_GROUP)) && !(seen & ACLREC_MASK)))
		return SIZE_MAX;
	return count;
}

bool aclrec_is_foreign(const void *acl, size_t n)
{
	size_t count = aclrec_count(acl, n);

	for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
		struct aclrec_entry en = aclrec_at(acl, i);

		if (is_named(&en) && en.id != 0)
			return true;
	}
	return false;
}

/* Those that the kernel keeps to `own`, header and all, the others to `beside`; both have room for n bytes. */
static void split(const unsigned char *acl, size_t n, unsigned char *own, size_t *nown, unsigned char *beside,
		  size_t *nbeside)
{
	memcpy(own, acl, ACLREC_HEAD_BYTES);
	*nown = ACLREC_HEAD_BYTES;
	*nbeside = 0;
	for (const unsigned char *p = acl + ACLREC_HEAD_BYTES; p < acl + n; p += ACLREC_BYTES) {
		struct aclrec_entry en = entry(p);
		bool named = is_named(&en);

		memcpy(named ? beside + *nbeside : own + *nown, p, ACLREC_BYTES);
		*(named ? nbeside : nown) += ACLREC_BYTES;
	}
}

static bool is_beside(const unsigned char *beside, size_t n)
{
	unsigned last = 0;

	for (size_t i = 0; i + ACLREC_BYTES <= n; i += ACLREC_BYTES) {
		struct aclrec_entry en = entry(beside + i);

		if (!is_named(&en) || !follows(&en, last))
			return false;
		last = en.tag;
	}
	return n && n % ACLREC_BYTES == 0;
}

static bool has_mask(const unsigned char *acl, size_t n)
{
	size_t count = aclrec_count(acl, n);

	for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
		struct aclrec_entry en = aclrec_at(acl, i);

		if (is_named(&en))
			return false; /* somebody else's list */
		if (en.tag == ACLREC_MASK)
			return true;
	}
	return false;
}

static size_t add_tag(const unsigned char *from, size_t n, unsigned tag, unsigned char *out, size_t at)
{
	for (size_t i = 0; i + ACLREC_BYTES <= n; i += ACLREC_BYTES)
		if (entry(from + i).tag == tag) {
			memcpy(out + at, from + i, ACLREC_BYTES);
			at += ACLREC_BYTES;
		}
	return at;
}

static size_t join(const unsigned char *own, size_t nown, const unsigned char *beside, size_t nbeside,
		   unsigned char *out)
{
	size_t at = ACLREC_HEAD_BYTES;

	memcpy(out, own, ACLREC_HEAD_BYTES);
	for (unsigned tag = ACLREC_OWNER; tag <= ACLREC_OTHERS; tag <<= 1) {
		at = add_tag(own + ACLREC_HEAD_BYTES, nown - ACLREC_HEAD_BYTES, tag, out, at);
		at = add_tag(beside, nbeside, tag, out, at);
	}
	return at;
}

/* --- on files --- */

static ssize_t get(const struct aclrec_on *on, const char *name, void *out, size_t n)
{
	return on->path ? getxattr(on->path, name, out, n) : fgetxattr(on->fd, name, out, n);
}

static int set(const struct aclrec_on *on, const char *name, const void *val, size_t n)
{
	return on->path ? setxattr(on->path, name, val, n, 0) : fsetxattr(on->fd, name, val, n, 0);
}

static int drop(const struct aclrec_on *on, const char *name)
{
	return on->path ? removexattr(on->path, name) : fremovexattr(on->fd, name);
}

static int drop_beside(const struct aclrec_on *on, const char *name)
{
	int sys = errno, r = drop(on, aclrec_beside(name));

	if (r < 0 && (errno == ENODATA || errno == ENOTSUP || errno == EPERM))
		r = 0;
	if (r == 0)
		errno = sys;
	return r;
}

ssize_t aclrec_get(const struct aclrec_on *on, const char *name, void *out)
{
	ssize_t n = get(on, aclrec_beside(name), NULL, 0), own;

	if (n <= 0)
		return get(on, name, out, ACLREC_MAX);

	AUTO_FREE unsigned char *list = mem_alloc(ACLREC_MAX), *beside = mem_alloc(ACLREC_MAX);

	own = get(on, name, list, ACLREC_MAX);
	n = own < 0 ? -1 : get(on, aclrec_beside(name), beside, ACLREC_MAX);
	if (own < 0)
		return -1;
	if (n < 0 || !is_beside(beside, (size_t)n) || !has_mask(list, (size_t)own) || own + n > ACLREC_MAX) {
		memcpy(out, list, (size_t)own);
		return own;
	}
	return (ssize_t)join(list, (size_t)own, beside, (size_t)n, out);
}

/* What stands beside comes first: without a list it says nothing. */
static int set_foreign(const struct aclrec_on *on, const char *name, const void *acl, size_t n)
{
	AUTO_FREE unsigned char *own = mem_alloc(n), *beside = mem_alloc(n);
	size_t nown, nbeside;

	split(acl, n, own, &nown, beside, &nbeside);
	if (set(on, aclrec_beside(name), beside, nbeside) < 0)
		return -1;
	if (set(on, name, own, nown) == 0)
		return 0;
	drop_beside(on, name);
	return -1;
}

int aclrec_set(const struct aclrec_on *on, const char *name, const void *acl, size_t n)
{
	if (aclrec_is_foreign(acl, n))
		return set_foreign(on, name, acl, n);
	return set(on, name, acl, n) < 0 ? -1 : drop_beside(on, name);
}

int aclrec_remove(const struct aclrec_on *on, const char *name)
{
	return drop(on, name) < 0 ? -1 : drop_beside(on, name);
}

bool aclrec_inherits(const struct aclrec_on *dir)
{
	return get(dir, ACLREC_DEFAULT_BESIDE, NULL, 0) > 0;
}

int aclrec_inherit(const struct aclrec_on *dir, const struct aclrec_on *made, mode_t mode)
{
	ssize_t n = S_ISREG(mode) || S_ISDIR(mode) ? get(dir, ACLREC_DEFAULT_BESIDE, NULL, 0) : 0;

	if (n <= 0)
		return 0;

	AUTO_FREE unsigned char *beside = mem_alloc(ACLREC_MAX);

	n = get(dir, ACLREC_DEFAULT_BESIDE, beside, ACLREC_MAX);
	if (n < 0 || set(made, ACLREC_ACCESS_BESIDE, beside, (size_t)n) < 0)
		return -1;
	return S_ISDIR(mode) ? set(made, ACLREC_DEFAULT_BESIDE, beside, (size_t)n) : 0;
}
