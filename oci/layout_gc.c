/* Removing entries of a layout directory, and the blobs that nothing in it needs any more. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/indexfile.h"
#include "oci/layout_dir.h"
#include "oci/layout_priv.h"
#include "oci/limits.h"
#include "src/util/lock.h"
#include "src/util/mem.h"

/* Indexes in indexes. */
#define LAYOUT_GC_DEPTH_MAX 4

static void layout_gc_mark(const struct layout_dir *d, const struct descriptor *what, struct smap *needed,
			   unsigned depth)
{
	static char present[] = "";
	AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
	AUTO_MANIFEST struct manifest m = {0};
	AUTO_INDEX struct index x = {0};
	struct err e = ERR_INIT;

	if (smap_has(needed, what->digest.text) || depth > LAYOUT_GC_DEPTH_MAX)
		return;
	smap_set(needed, what->digest.text, present);
	if (layout_dir_read(d, what, MANIFEST_MAX_BYTES, &text, &e) < 0) {
		err_release(&e); /* what is damaged names nothing that could be used */
		return;
	}
	if (manifest_detect(text.p, text.n, what->media_type) == MEDIATYPE_INDEX) {
		if (index_parse(text.p, text.n, what->media_type, &x, ERR_INPUT, &e) == 0)
			for (size_t i = 0; i < x.n; i++)
				layout_gc_mark(d, &x.manifests[i], needed, depth + 1);
	} else if (manifest_parse(text.p, text.n, what->media_type, &m, ERR_INPUT, &e) == 0) {
		smap_set(needed, m.config.digest.text, present);
		for (size_t i = 0; i < m.nlayers; i++)
			smap_set(needed, m.layers[i].digest.text, present);
	}
	err_release(&e);
}

static int layout_gc_sweep(const struct layout_dir *d, const struct smap *needed, const struct layout_gc_opts *o,
			   struct layout_gc_stats *st, struct err *e)
{
	int fd = openat(d->fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSEDIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;

	if (!dir)
		return err_sys(e, ERR_HOST, errno, "%s/blobs/sha256", d->path);
	while ((ent = readdir(dir))) {
		AUTO_FREE char *text = mem_printf("sha256:%s", ent->d_name);
		struct stat s;

		if (strlen(ent->d_name) != 64 || smap_has(needed, text) ||
		    fstatat(fd, ent->d_name, &s, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		st->blobs++;
		st->bytes += (uint64_t)s.st_size;
		if (!o->dry_run && unlinkat(fd, ent->d_name, 0) < 0 && errno != ENOENT)
			return err_sys(e, ERR_HOST, errno, "%s/blobs/sha256/%s", d->path, ent->d_name);
	}
	return 0;
}

/* The new index; what it keeps is marked. */
static struct json *layout_gc_index(const struct layout_dir *d, const struct layout_gc_opts *o, struct smap *needed,
				    struct layout_gc_stats *st)
{
	struct json *j = indexfile_new(), *list = json_get(j, "manifests");

	for (size_t i = 0; i < d->index.n; i++) {
		const struct descriptor *entry = &d->index.manifests[i];

		if (!o->keep(o->arg, d, entry)) {
			st->entries++;
			continue;
		}
		layout_gc_mark(d, entry, needed, 0);
		json_append(list, descriptor_to_json(entry));
	}
	return j;
}

/* The index first, and blobs only while nobody reads: who has seen the old one finds what it names, who comes later
 * sees the new one. */
static int layout_gc_run(const struct layout_out *out, const struct layout_gc_opts *o, struct layout_gc_stats *st,
			 struct err *e)
{
	AUTO_LAYOUT_DIR struct layout_dir d = LAYOUT_DIR_INIT;
	AUTO_SMAP struct smap needed = SMAP_INIT(NULL);
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = NULL;
	AUTO_CLOSE int use = -1;

	if (layout_dir_open(&d, out->path, e) < 0)
		return -1;
	j = layout_gc_index(&d, o, &needed, st);
	if (!o->dry_run) {
		layout_make_use(d.fd);
		use = lock_take(d.fd, LAYOUT_USE, LOCK_EXCLUSIVE, 0, e);
		if (use < 0 && e->code != ERR_TEMP)
			return -1;
		err_release(e);
		st->held = use < 0;
	}
	if (st->entries && !o->dry_run &&
	    (indexfile_write(j, &text, e) < 0 || layout_put_text(out, "index.json", text.p, text.n, e) < 0))
		return -1;
	return st->held ? 0 : layout_gc_sweep(&d, &needed, o, st, e);
}

int layout_gc(const char *path, const struct layout_gc_opts *o, struct layout_gc_stats *st, struct err *e)
{
	struct layout_out out = {.path = path, .fd = -1, .lock = -1};
	struct stat s;
	int rc;

	*st = (struct layout_gc_stats){0};
	if (stat(path, &s) < 0) /* opening would make it */
		return err_sys(e, ERR_NOT_FOUND, errno, "%s", path);
	rc = layout_open(&out, e);
	if (rc == 0)
		rc = layout_gc_run(&out, o, st, e);
	layout_close(&out);
	return rc;
}
