#include "src/build/unarchive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/compress.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define TAR_BLOCK	 512
#define TAR_CHECKSUM_AT	 148
#define TAR_CHECKSUM_LEN 8

/* POSIX.1-1988 ustar: the header's bytes added up, with its checksum field as spaces. */
static bool is_tar_header(const uint8_t *h)
{
	uint64_t stated, sum = 0;
	struct sv field = sv_trim(sv_of((const char *)h + TAR_CHECKSUM_AT, TAR_CHECKSUM_LEN));

	field.n = strnlen(field.p, field.n);
	field = sv_trim(field);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_CHECKSUM_AT && i < TAR_CHECKSUM_AT + TAR_CHECKSUM_LEN ? ' ' : h[i];
	return field.n && num_parse(field, 8, UINT32_MAX, &stated) == 0 && stated == sum;
}

/* What cannot be decoded is an ordinary file. */
bool unarchive_is_archive(int fd)
{
	uint8_t head[TAR_BLOCK];
	struct err e = ERR_INIT;
	struct rstream *r = compress_reader_any(stream_from_fd(fd, false, "archive"), NULL, &e);
	ssize_t n = r ? stream_read_full(r, head, sizeof head, &e) : -1;

	stream_rclose(r);
	err_release(&e);
	return n == TAR_BLOCK && is_tar_header(head) && lseek(fd, 0, SEEK_SET) == 0;
}

static int extract(struct unarchive *u, int archive, int dir, struct strv *implied, struct err *e)
{
	struct layer_apply_opts o = {
		.plain = true, .may_mknod = tier_makes_nodes(&u->b->s->tier), .implied = implied, .view = u->to->view};
	struct layer_info info;

	return layer_apply(stream_from_fd(archive, false, "archive"), dir, &o, &info, e);
}

static void mark_passages(struct source_match *m, const struct strv *implied)
{
	for (size_t i = 0; i < m->entries.n; i++)
		m->entries.v[i].passage = strv_has(implied, m->entries.v[i].rel);
}

/* The archive's modes and times are kept whatever --chmod says; --chown holds for all of it (as the reference does). */
static int copy_tree(struct unarchive *u, int dir, const struct strv *implied, const char *dest, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list list = {0};
	AUTO_STRV struct strv all = {0};
	struct source_set set;
	struct copyto c = *u->to;

	source_init(&set);
	source_of_root(&set, dir, u->to->view);
	strv_add(&all, "/");
	if (source_select(&set, &(struct source_query){.patterns = &all}, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.matches.n; i++)
		mark_passages(&list.matches.v[i], implied);
	c.src = &set;
	c.list = &list;
	c.dest = dest;
	c.from_root = c.from_archive = c.replace = true;
	c.origin = c.logical;
	c.sum = NULL;
	c.unpack = NULL;
	c.mode = NULL;
	return copyto_run(&c, e);
}

int unarchive_entry(void *arg, const struct source_entry *en, const char *dest, struct err *e)
{
	struct unarchive *u = arg;
	AUTO_FREE char *rel = mem_printf("%s/%s.%u", u->job->dir, u->prefix, u->count++);
	AUTO_CLOSE int archive = source_open(u->to->src, en, e);
	AUTO_STRV struct strv implied = {0};

	if (archive < 0)
		return -1;
	if (!unarchive_is_archive(archive))
		return 0;
	if (mkdirat(store_fd(u->b->s->store), rel, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	AUTO_CLOSE int dir = openat(store_fd(u->b->s->store), rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, ERR_HOST, errno, "%s", rel);
	if (extract(u, archive, dir, &implied, e) < 0 || copy_tree(u, dir, &implied, dest, e) < 0)
		return err_wrap(e, "unpacking %s", en->open_path);
	return 1;
}
