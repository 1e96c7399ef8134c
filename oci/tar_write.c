/* Deterministic tar writer: ustar, and PAX where ustar cannot hold a value. */
#include "oci/tar_write.h"

#include "src/util/buf.h"
#include "src/util/mem.h"

#define TAR_BLOCK      512
#define TAR_NAME_MAX   100
#define TAR_PREFIX_MAX 155
#define TAR_ID_MAX     07777777u	      /* 7 octal digits */
#define TAR_SIZE_MAX   UINT64_C(077777777777) /* 11 octal digits: 8 GiB - 1 */
/* All PAX records of one member: 16 attributes of the kernel's largest size. */
#define TAR_PAX_MAX ((size_t)1 << 20)
/* Name of the PAX header itself. Nothing depends on it: who does not know PAX sees a file of this name. */
#define TAR_PAX_NAME "PaxHeader"

/* ustar header block, POSIX.1-2017 pax "ustar Interchange Format". */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a tar header is one block");

struct tar_write {
	struct wstream *dst; /* borrowed */
	uint64_t left;	     /* content still to come of the member begun */
	size_t pad;	     /* zeros after it */
	uint64_t count;
	int64_t newest;
	const char *prefix;
	char *path; /* of the member begun, for errors */
	struct buf pax;
};

struct tar_write *tar_write_new(struct wstream *dst)
{
	struct tar_write *t = mem_new(struct tar_write);

	t->dst = dst;
	t->prefix = "";
	t->pax = BUF_INIT(TAR_PAX_MAX);
	return t;
}

void tar_write_free(struct tar_write *t)
{
	if (!t)
		return;
	buf_release(&t->pax);
	free(t->path);
	free(t);
}

uint64_t tar_write_count(const struct tar_write *t)
{
	return t->count;
}

int64_t tar_write_newest(const struct tar_write *t)
{
	return t->newest;
}

void tar_write_prefix(struct tar_write *t, const char *prefix)
{
	t->prefix = prefix;
}

/* v as `n` - 1 octal digits with leading zeros and a NUL; the caller has checked that it fits. */
static void tar_octal(char *field, size_t n, uint64_t v)
{
	field[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void tar_checksum(struct tar_header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	memset(h->chksum, ' ', sizeof h->chksum);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	/* Six digits, NUL, space: as every writer since v7 does. */
	tar_octal(h->chksum, 7, sum);
}

static void tar_header_init(struct tar_header *h, char typeflag)
{
	memset(h, 0, sizeof *h);
	h->typeflag = typeflag;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	tar_octal(h->devmajor, sizeof h->devmajor, 0);
	tar_octal(h->devminor, sizeof h->devminor, 0);
}

static size_t tar_padding(uint64_t size)
{
	return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

static int tar_zeros(struct tar_write *t, size_t n, struct err *e)
{
	static const char zeros[2 * TAR_BLOCK];

	return n ? stream_write(t->dst, zeros, n, e) : 0;
}

/* --- PAX records --- */

static size_t tar_digits(size_t n)
{
	size_t d = 1;

	while (n >= 10) {
		n /= 10;
		d++;
	}
	return d;
}

/* "LEN key=value\n", where LEN counts itself. */
static void tar_pax_add(struct tar_write *t, const char *prefix, const char *key, const void *val, size_t n)
{
	size_t rest = 1 + strlen(prefix) + strlen(key) + 1 + n + 1;
	size_t len = rest + tar_digits(rest);

	if (tar_digits(len) != tar_digits(rest))
		len = rest + tar_digits(len);
	buf_printf(&t->pax, "%zu %s%s=", len, prefix, key);
	buf_add(&t->pax, val, n);
	buf_char_add(&t->pax, '\n');
}

static void tar_pax_str(struct tar_write *t, const char *key, const char *val)
{
	tar_pax_add(t, "", key, val, strlen(val));
}

static void tar_pax_num(struct tar_write *t, const char *key, int64_t val)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)val);

	tar_pax_add(t, "", key, text, (size_t)n);
}

static int tar_pax_flush(struct tar_write *t, struct err *e)
{
	struct tar_header h;
	size_t n = t->pax.n;

	if (t->pax.over)
		return err_set(e, ERR_INPUT, "%s: its extended attributes are more than %zu KiB", t->path,
			       TAR_PAX_MAX >> 10);
	if (!n)
		return 0;
	tar_header_init(&h, 'x');
	memcpy(h.name, TAR_PAX_NAME, sizeof TAR_PAX_NAME);
	tar_octal(h.mode, sizeof h.mode, 0644);
	tar_octal(h.uid, sizeof h.uid, 0);
	tar_octal(h.gid, sizeof h.gid, 0);
	tar_octal(h.size, sizeof h.size, n);
	tar_octal(h.mtime, sizeof h.mtime, 0);
	tar_checksum(&h);
	if (stream_write(t->dst, &h, sizeof h, e) < 0 || stream_write(t->dst, t->pax.p, n, e) < 0)
		return -1;
	return tar_zeros(t, tar_padding(n), e);
}

/* --- one member --- */

static int tar_typeflag(const struct entry *en, char *flag, struct err *e)
{
	static const struct {
		mode_t type;
		char flag;
	} table[] = {
		{S_IFREG, '0'}, {S_IFLNK, '2'}, {S_IFCHR, '3'}, {S_IFBLK, '4'}, {S_IFDIR, '5'}, {S_IFIFO, '6'},
	};

	*flag = '1';
	if (en->hard)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].type == (en->mode & S_IFMT)) {
			*flag = table[i].flag;
			return 0;
		}
	return err_set(e, ERR_INPUT, "%s: a tar cannot hold this type of file (mode %o)", en->path, (unsigned)en->mode);
}

/* name = prefix "/" name at the last slash that leaves at most 155 bytes before it; else PAX. */
static void tar_name(struct tar_write *t, struct tar_header *h, const char *path)
{
	size_t n = strlen(path), slash;

	if (n <= TAR_NAME_MAX) {
		memcpy(h->name, path, n);
		return;
	}
	slash = n - 1 < TAR_PREFIX_MAX ? n - 2 : TAR_PREFIX_MAX; /* never a directory's own slash at the end */
	while (slash > 0 && path[slash] != '/')
		slash--;
	if (slash > 0 && n - slash - 1 <= TAR_NAME_MAX && n - slash - 1 > 0) {
		memcpy(h->prefix, path, slash);
		memcpy(h->name, path + slash + 1, n - slash - 1);
		return;
	}
	memcpy(h->name, path, TAR_NAME_MAX);
	tar_pax_str(t, "path", path);
}

static void tar_link(struct tar_write *t, struct tar_header *h, const struct entry *en)
{
	AUTO_FREE char *link = mem_printf("%s%s", en->hard ? t->prefix : "", en->link);
	size_t n = strlen(link);

	memcpy(h->linkname, link, n < TAR_NAME_MAX ? n : TAR_NAME_MAX);
	if (n > TAR_NAME_MAX)
		tar_pax_str(t, "linkpath", link);
}

/* A value that does not fit is 0 in the header and stands in the PAX record. */
static void tar_num(struct tar_write *t, char *field, size_t n, const char *key, uint64_t v, uint64_t max)
{
	tar_octal(field, n, v <= max ? v : 0);
	if (v > max)
		tar_pax_num(t, key, (int64_t)v);
}

static int tar_xattrs(struct tar_write *t, const struct entry *en, struct err *e)
{
	for (size_t i = 0; i < en->nxattrs; i++) {
		const struct entry_xattr *x = &en->xattrs[i];

		if (strchr(x->name, '='))
			return err_set(e, ERR_INPUT,
				       "%s: a tar cannot hold the extended attribute \"%s\": its name contains \"=\"",
				       en->path, x->name);
		tar_pax_add(t, "SCHILY.xattr.", x->name, x->val, x->n);
	}
	return 0;
}

static int tar_device(struct tar_header *h, const struct entry *en, struct err *e)
{
	if (!S_ISCHR(en->mode) && !S_ISBLK(en->mode))
		return 0;
	if (en->major > TAR_ID_MAX || en->minor > TAR_ID_MAX)
		return err_set(e, ERR_INPUT, "%s: device number %u:%u is too large for a tar", en->path, en->major,
			       en->minor);
	tar_octal(h->devmajor, sizeof h->devmajor, en->major);
	tar_octal(h->devminor, sizeof h->devminor, en->minor);
	return 0;
}

/* The header of the member; PAX records gather in t->pax in the order of the calls, which is part of the form: path,
 * linkpath, size, uid, gid, mtime, attributes by name. */
static int tar_member(struct tar_write *t, const struct entry *en, struct tar_header *h, struct err *e)
{
	bool content = S_ISREG(en->mode) && !en->hard;
	char flag;

	if (tar_typeflag(en, &flag, e) < 0)
		return -1;
	tar_header_init(h, flag);
	tar_name(t, h, t->path);
	if (en->link)
		tar_link(t, h, en);
	tar_octal(h->mode, sizeof h->mode, en->mode & 07777);
	tar_num(t, h->size, sizeof h->size, "size", content ? en->size : 0, TAR_SIZE_MAX);
	tar_num(t, h->uid, sizeof h->uid, "uid", en->uid, TAR_ID_MAX);
	tar_num(t, h->gid, sizeof h->gid, "gid", en->gid, TAR_ID_MAX);
	/* As unsigned, a time before 1970 is beyond every maximum. */
	tar_num(t, h->mtime, sizeof h->mtime, "mtime", (uint64_t)en->mtime, TAR_SIZE_MAX);
	if (!en->hard && (tar_device(h, en, e) < 0 || tar_xattrs(t, en, e) < 0))
		return -1;
	tar_checksum(h);
	return 0;
}

/* The member before must be complete. */
static int tar_check_done(const struct tar_write *t, struct err *e)
{
	if (!t->left)
		return 0;
	return err_set(e, ERR_INTERNAL, "%s: %llu bytes of its content are missing in the tar", t->path,
		       (unsigned long long)t->left);
}

int tar_write_entry(struct tar_write *t, const struct entry *en, struct err *e)
{
	bool dir = S_ISDIR(en->mode) && !en->hard;
	struct tar_header h;

	if (tar_check_done(t, e) < 0)
		return -1;
	free(t->path);
	t->path = mem_printf("%s%s%s", t->prefix, en->path, dir ? "/" : "");
	buf_clear(&t->pax);
	if (tar_member(t, en, &h, e) < 0 || tar_pax_flush(t, e) < 0 || stream_write(t->dst, &h, sizeof h, e) < 0)
		return -1;
	t->left = S_ISREG(en->mode) && !en->hard ? en->size : 0;
	t->pad = tar_padding(t->left);
	t->count++;
	if (en->mtime > t->newest)
		t->newest = en->mtime;
	return 0;
}

int tar_write_data(struct tar_write *t, const void *p, size_t n, struct err *e)
{
	if (n > t->left)
		return err_set(e, ERR_INTERNAL, "%s: more content than its header in the tar says",
			       t->path ? t->path : "");
	if (n && stream_write(t->dst, p, n, e) < 0)
		return -1;
	t->left -= n;
	return t->left || !n ? 0 : tar_zeros(t, t->pad, e);
}

int tar_write_file(struct tar_write *t, const char *path, mode_t mode, int64_t mtime, const void *p, size_t n,
		   struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(path);
	struct entry en = {.path = copy, .mode = S_IFREG | (mode & 07777), .mtime = mtime, .size = n};

	if (tar_write_entry(t, &en, e) < 0)
		return -1;
	return tar_write_data(t, p, n, e);
}

int tar_write_dir(struct tar_write *t, const char *path, mode_t mode, int64_t mtime, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(path);
	struct entry en = {.path = copy, .mode = S_IFDIR | (mode & 07777), .mtime = mtime};

	return tar_write_entry(t, &en, e);
}

int tar_write_end(struct tar_write *t, struct err *e)
{
	if (tar_check_done(t, e) < 0)
		return -1;
	return tar_zeros(t, 2 * TAR_BLOCK, e);
}
