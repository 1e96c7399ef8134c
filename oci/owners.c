/* Recorded owners by path. */
#include "oci/owners.h"

#include <errno.h>
#include <fcntl.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/path.h"
#include "src/util/vec.h"

#define OWNERS_MAGIC "slct-owners 1 "

void owners_release(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->v[i].path);
	free(o->v);
	*o = (struct owners){0};
}

int owners_add(struct owners *o, const char *path, const struct ownrec *rec, struct err *e)
{
	o->bytes += strlen(path) + sizeof(struct owners_row) + OWNREC_TEXT_MAX;
	if (o->bytes > OWNERS_MAX_BYTES)
		return err_set(e, ERR_INPUT, "%s: more recorded owners than %zu MiB can hold", path,
			       OWNERS_MAX_BYTES >> 20);
	o->v = vec_grow(o->v, o->n, &o->cap, sizeof *o->v);
	o->v[o->n++] = (struct owners_row){mem_strdup(path), *rec};
	return 0;
}

/* Rows of one path stay in the order in which they came: the sort is made stable by their place. */
struct ordered {
	struct owners_row row;
	size_t at;
};

static int compare(const void *pa, const void *pb)
{
	const struct ordered *a = pa, *b = pb;
	int c = strcmp(a->row.path, b->row.path);

	return c ? c : (a->at > b->at) - (a->at < b->at);
}

static void sort(struct owners *o)
{
	AUTO_FREE struct ordered *all = mem_array(o->n + 1, sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++)
		all[i] = (struct ordered){o->v[i], i};
	qsort(all, o->n, sizeof *all, compare);
	for (size_t i = 0; i < o->n; i++) {
		if (i + 1 < o->n && strcmp(all[i].row.path, all[i + 1].row.path) == 0)
			free(all[i].row.path);
		else
			o->v[n++] = all[i].row;
	}
	o->n = n;
}

int owners_note(struct owners *o, const struct ownview *view, int dirfd, const char *name, mode_t mode,
		const char *path, struct err *e)
{
	struct ownrec r;
	int n = ownview_record(view, dirfd, name, mode, &r);

	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "%s: reading its recorded owner", path);
	if (n == 0)
		return 0;
	if (!S_ISREG(mode) && !S_ISDIR(mode))
		r.mode = mode;
	return owners_add(o, path, &r, e);
}

void owners_write(struct owners *o, struct buf *out)
{
	char text[OWNREC_TEXT_MAX];

	sort(o);
	buf_printf(out, OWNERS_MAGIC "%zu\n", o->n);
	for (size_t i = 0; i < o->n; i++) {
		if (ownrec_format(&o->v[i].rec, text) < 0)
			continue; /* nothing that was read or written can be like that */
		buf_printf(out, "%s %s", text, o->v[i].path);
		buf_add(out, "", 1);
	}
}

/* --- reading --- */

static bool parse_row(struct sv row, struct owners *out)
{
	struct sv rec = sv_cut(&row, ' ');
	struct err e = ERR_INIT;
	struct ownrec r;
	bool ok;

	if (!row.p || !row.n || ownrec_parse(rec.p, rec.n, &r) < 0)
		return false;
	AUTO_FREE char *path = sv_dup(row);
	AUTO_FREE char *clean = path_clean(path);

	if (path[0] == '/' || strcmp(path, clean) != 0 || strncmp(path, "../", 3) == 0 || strcmp(path, "..") == 0)
		return false;
	if (out->n && strcmp(out->v[out->n - 1].path, path) >= 0)
		return false;
	ok = owners_add(out, path, &r, &e) == 0;
	err_release(&e);
	return ok;
}

static bool parse_all(struct sv text, struct owners *out)
{
	uint64_t rows;
	struct sv head;

	if (!text.p || !sv_starts(text, OWNERS_MAGIC))
		return false;
	head = sv_cut(&text, '\n');
	if (num_parse(sv_sub(head, strlen(OWNERS_MAGIC), head.n), 10, OWNERS_MAX_BYTES, &rows) < 0 || !text.p)
		return false;
	for (; rows; rows--) {
		const char *end = memchr(text.p, '\0', text.n);

		if (!end || !parse_row(sv_of(text.p, (size_t)(end - text.p)), out))
			return false;
		text = sv_sub(text, (size_t)(end - text.p) + 1, text.n);
	}
	return text.n == 0;
}

int owners_parse(struct sv text, struct owners *out, struct err *e)
{
	*out = (struct owners){0};
	if (parse_all(text, out))
		return 0;
	owners_release(out);
	return err_set(e, ERR_INTEGRITY, "malformed list of recorded owners");
}

/* --- the tree --- */

static bool same(const struct ownrec *a, const struct ownrec *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode && a->major == b->major &&
	       a->minor == b->minor;
}

static int add_row(int fd, const struct owners_row *row, const struct ownview *view, struct err *e)
{
	const struct ownrec r = {.uid = row->rec.uid, .gid = row->rec.gid};
	struct owntab_key k;
	struct statx stx;

	if (!view->rows)
		return 0;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", row->path);
	k = owntab_key_of(&stx);
	if (owntab_set(view->rows, &k, &r) < 0)
		return err_sys(e, ERR_INPUT, errno, "%s: recorded owner", row->path);
	return 0;
}

/* A malformed record is a different one. */
static int repair_row(int fd, mode_t mode, const struct owners_row *row, const struct ownview *view, size_t *repaired,
		      struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int open_fd = -1;
	struct ownrec now;
	int n = ownview_record(view, fd, "", mode, &now);

	if (n < 0 && errno != EBADMSG)
		return err_sys(e, ERR_HOST, errno, "%s: reading its recorded owner", row->path);
	if (n == 1 && same(&now, &row->rec))
		return 0;
	path = mem_printf("/proc/self/fd/%d", fd);
	open_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (open_fd < 0 || ownrec_set(open_fd, &row->rec) < 0)
		return err_sys(e, ERR_HOST, errno, "%s: recording its owner", row->path);
	++*repaired;
	return 0;
}

static int check_row(int treefd, const struct owners_row *row, const struct ownview *view, bool repair,
		     size_t *repaired, struct err *e)
{
	AUTO_CLOSE int fd = path_open_nolinks(treefd, row->path, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_INTEGRITY, errno, "%s is in the list of recorded owners", row->path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return add_row(fd, row, view, e);
	return repair ? repair_row(fd, st.st_mode, row, view, repaired, e) : 0;
}

/* A file or directory whose record is on itself, and needs no look at the tree. Of a device only the tree knows. */
static bool is_file(const struct owners_row *row)
{
	mode_t type = row->rec.mode & S_IFMT;

	return !type || type == S_IFREG || type == S_IFDIR;
}

void owners_names(const struct owners *o, struct nameset *names)
{
	for (size_t i = 0; i < o->n; i++) {
		const char *slash = strrchr(o->v[i].path, '/'), *name = slash ? slash + 1 : o->v[i].path;

		nameset_add(names, name, strlen(name));
	}
}

int owners_check(int treefd, const struct owners *o, const struct ownview *view, bool repair, size_t *repaired,
		 struct err *e)
{
	*repaired = 0;
	for (size_t i = 0; i < o->n; i++) {
		if (!repair && is_file(&o->v[i]))
			continue;
		if (check_row(treefd, &o->v[i], view, repair, repaired, e) < 0)
			return -1;
	}
	return 0;
}
