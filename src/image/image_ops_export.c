/* slct export: the merged root file system of an image as one archive or directory, in one pass from the layers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/flatten.h"
#include "src/build/opsbase.h"
#include "src/build/rootview.h"
#include "src/image/image_ops.h"
#include "src/image/oddname.h"
#include "src/session/treeview.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/path.h"

struct export
{
	struct build b;
	const struct image_ops_export *x;
	const struct digest_list *diff_ids;
	const struct worker *worker; /* the process that it runs in */
	int out;		     /* archive, or the directory */
	char *scratch;		     /* for a directory: the archive in between, below tmp/ */
	struct strv odd;	     /* where there are rules: names that may break its extraction, the first of them */
	size_t nodd;
};

/* Names that are reported; the rest is counted. */
#define ODD_SHOWN 10

static void see_name(void *arg, const char *path)
{
	struct export *ex = arg;
	const char *why = oddname_why(path);

	if (!why)
		return;
	if (ex->nodd++ < ODD_SHOWN) {
		AUTO_FREE char *shown = log_mask(path, strlen(path), false);

		strv_printf(&ex->odd, "%s has %s in its name", shown, why);
	}
}

static int mount_image(const struct export *ex, struct err *e)
{
	AUTO_FREE char *empty = mem_printf("%s/empty", ex->b.tmp);

	if (mkdirat(store_fd(ex->b.s->store), empty, 0755) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", empty);
	return rootview_open(&ex->b, ex->diff_ids, empty, e);
}

/* Rules as the writer of the archive takes them; the lists are borrowed from the rules but for these arrays. */
struct ruled {
	VEC_OF(struct flatten_link) links;
	VEC_OF(struct flatten_extra) files, last;
};

static void ruled_release(struct ruled *r)
{
	vec_release(&r->links);
	vec_release(&r->files);
	vec_release(&r->last);
}

static struct flatten_extra ruled_file(const struct fexport_item *i)
{
	return (struct flatten_extra){i->path, i->text, i->len, i->mode};
}

static void ruled_fill(struct ruled *r, const struct fexport *x, struct flatten_opts *o)
{
	for (size_t i = 0; i < x->links.n; i++)
		vec_push(&r->links, ((struct flatten_link){x->links.v[i].path, x->links.v[i].target}));
	for (size_t i = 0; i < x->files.n; i++)
		vec_push(&r->files, ruled_file(&x->files.v[i]));
	for (size_t i = 0; i < x->last.n; i++)
		vec_push(&r->last, ruled_file(&x->last.v[i]));
	o->exclude = (const char *const *)x->exclude.v;
	o->nexclude = x->exclude.n;
	o->links = r->links.v;
	o->nlinks = r->links.n;
	o->files = r->files.v;
	o->nfiles = r->files.n;
	o->last = r->last.v;
	o->nlast = r->last.n;
}

static int flatten_to(struct export *ex, int fd, const struct layer_codec *codec, char *sum, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(HASH_SHA512);
	AUTO_CLOSE int root = mount_image(ex, e);
	AUTO_TREEVIEW struct treeview tv = {0};
	const struct worker_view sees = {ex->x->dir ? ex->out : -1, root, -1, false};
	AUTO(ruled_release) struct ruled ruled = {0};
	struct flatten_opts o = {.flat_names = true, .view = &tv.view};
	struct layer_info info;
	uint8_t out[HASH_MAX_BYTES];

	if (root < 0 || worker_confine(ex->worker, &sees, e) < 0)
		return -1;
	if (ex->x->rules) {
		ruled_fill(&ruled, ex->x->rules, &o);
		o.seen = see_name;
		o.arg = ex;
	}
	treeview_open(&tv, ex->b.s);
	if (treeview_stack(&tv, ex->b.s, ex->diff_ids, e) < 0)
		return -1;
	struct wstream *w = stream_hash_w(stream_to_fd(fd, false, "archive"), h, NULL);
	int rc = flatten_write(root, &o, codec, w, &info, e);

	stream_wclose(w);
	if (rc < 0)
		return -1;
	hash_end(h, out);
	hash_hex(out, hash_size(HASH_SHA512), sum);
	return 0;
}

/* Records mean nothing outside of the store: a directory gets the caller's own files then. */
static bool owners_are_recorded(const struct session *s)
{
	return s->tier.tier == TIER_SOLO || s->tier.tier == TIER_NONE;
}

static int write_dir(struct export *ex, char *sum, struct err *e)
{
	struct layer_apply_opts o = {
		.plain = true, .may_mknod = tier_makes_nodes(&ex->b.s->tier), .own = owners_are_recorded(ex->b.s)};
	AUTO_CLOSE int tar = openat(store_fd(ex->b.s->store), ex->scratch, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct layer_info info;

	if (tar < 0)
		return err_sys(e, ERR_HOST, errno, "%s", ex->scratch);
	if (flatten_to(ex, tar, &(struct layer_codec){CODEC_NONE, 0}, sum, e) < 0)
		return -1;
	if (lseek(tar, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", ex->scratch);
	return layer_apply(stream_from_fd(tar, false, "archive"), ex->out, &o, &info, e);
}

static int export_worker(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct export *ex = arg;
	char sum[HASH_HEX_MAX];

	ex->worker = w;
	if ((ex->x->dir ? write_dir(ex, sum, e) : flatten_to(ex, ex->out, &ex->x->codec, sum, e)) < 0)
		return -1;
	*result = json_object();
	json_set_str(*result, "sum", sum);
	json_set(*result, "odd", json_from_strv(&ex->odd));
	json_set_int(*result, "nodd", (int64_t)ex->nodd);
	return 0;
}

static void warn_names(const struct export *ex, const struct json *answer)
{
	const struct json *odd = json_get(answer, "odd");
	int64_t more = json_get_int(answer, "nodd", 0) - (int64_t)json_len(odd);

	for (size_t i = 0; i < json_len(odd); i++)
		session_warn(ex->b.s, "", "%s: %s, which may break the extraction in the database", ex->x->out,
			     json_str(json_at(odd, i)));
	if (more > 0)
		session_warn(ex->b.s, "", "%s: so have %lld more", ex->x->out, (long long)more);
}

static int run_worker(struct export *ex, char **sum, struct err *e)
{
	struct worker_spec spec = {
		.role = "pack", .enter = WORKER_MOUNT, .fn = export_worker, .arg = ex, .fds = {ex->out}, .nfds = 1};
	AUTO_JSON struct json *answer = NULL;

	if (worker_call(ex->b.s, &spec, &answer, e) < 0)
		return -1;
	*sum = mem_strdup(json_get_str(answer, "sum") ? json_get_str(answer, "sum") : "");
	warn_names(ex, answer);
	return 0;
}

static int write_checksum(const struct image_ops_export *x, const char *sum, struct err *e)
{
	AUTO_FREE char *line = mem_printf("%s  %s\n", sum, path_base(x->out));

	return io_write_output(x->sha512sum_file, line, strlen(line), e);
}

/* A file appears under its name only when it is whole; what is no regular file (a pipe, a device) is written as it is.
 * *tmp is NULL then. */
static int open_file(const char *out, char **tmp, struct err *e)
{
	bool to_stdout = strcmp(out, "-") == 0;
	int fd;

	*tmp = NULL;
	if (to_stdout)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (io_is_special(out))
		fd = open(out, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	else
		fd = open(*tmp = mem_printf("%s.part%d", out, (int)getpid()), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			  0644);
	return fd < 0 ? err_sys(e, ERR_HOST, errno, "%s", to_stdout ? "standard output" : out) : fd;
}

static int export_file(struct export *ex, struct err *e)
{
	const struct image_ops_export *x = ex->x;
	AUTO_FREE char *tmp = NULL;
	AUTO_FREE char *sum = NULL;

	ex->out = open_file(x->out, &tmp, e);
	if (ex->out < 0)
		return -1;
	int rc = run_worker(ex, &sum, e);

	if (rc == 0 && tmp && fdatasync(ex->out) < 0)
		rc = err_sys(e, ERR_HOST, errno, "%s", tmp);
	if (rc == 0 && tmp && rename(tmp, x->out) < 0)
		rc = err_sys(e, ERR_HOST, errno, "%s", x->out);
	if (rc < 0 && tmp)
		unlink(tmp);
	close(ex->out);
	return rc == 0 && x->sha512sum_file ? write_checksum(x, sum, e) : rc;
}

static int export_dir(struct export *ex, struct err *e)
{
	AUTO_FREE char *sum = NULL;

	if (mkdir(ex->x->out, 0755) < 0 && (errno != EEXIST || !ex->x->merge)) {
		err_sys(e, ERR_HOST, errno, "%s", ex->x->out);
		return errno == EEXIST ? err_hint(e, "name a directory that does not exist yet") : -1;
	}
	if (owners_are_recorded(ex->b.s))
		session_warn(ex->b.s, "",
			     "%s: all files belong to you, and devices and extended attributes are left out; "
			     "an archive has everything",
			     ex->x->out);
	ex->scratch = mem_printf("%s/export.tar", ex->b.tmp);
	ex->out = open(ex->x->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ex->out < 0)
		return err_sys(e, ERR_HOST, errno, "%s", ex->x->out);
	int rc = run_worker(ex, &sum, e);

	close(ex->out);
	free(ex->scratch);
	return rc;
}

int image_ops_export(struct session *s, const struct image_ops_export *x, struct err *e)
{
	AUTO_STORE_IMAGE struct store_image im = {0};
	struct export ex = {.x = x};
	int rc;

	if (opsbase_image(s, x->image, &im, NULL, e) < 0)
		return -1;
	rc = opsbase_init(&ex.b, s, e);
	if (rc == 0)
		rc = opsbase_trees(&ex.b, &im.diff_ids, x->image, e);
	ex.diff_ids = &im.diff_ids;
	if (rc == 0)
		rc = x->dir ? export_dir(&ex, e) : export_file(&ex, e);
	opsbase_release(&ex.b);
	return rc < 0 ? err_wrap(e, "exporting %s", x->image) : 0;
}
