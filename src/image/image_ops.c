/* Images in and out of the store by registry, layout and archive. */
#include "src/image/image_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/layout.h"
#include "src/build/opsbase.h"
#include "src/session/sweep.h"
#include "src/session/treeview.h"
#include "src/util/clock.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"

/* --- save, load --- */

static int save_to(struct session *s, enum image_ops_format f, const char *out, const struct layout_image *list,
		   size_t n, struct err *e)
{
	switch (f) {
	case IMAGE_OPS_OCI_DIR:
		return layout_save_dir(s->store, out, list, n, e);
	case IMAGE_OPS_OCI_ARCHIVE:
		return layout_save_archive(s->store, out, list, n, e);
	case IMAGE_OPS_DOCKER_ARCHIVE:
		return layout_save_docker(s->store, out, list, n, e);
	}
	return err_set(e, ERR_INTERNAL, "unknown format %d", (int)f);
}

/* The docker format and other tools want the name as a person writes it, with its tag. */
static char *layout_name(const struct store_image *im)
{
	struct ref r = {0};
	struct err e = ERR_INIT;
	char *name;

	if (ref_parse(im->name, &r, &e) < 0) {
		err_release(&e);
		return NULL;
	}
	name = ref_familiar(&r);
	ref_release(&r);
	return name;
}

int image_ops_save(struct session *s, const char *const *names, size_t n, enum image_ops_format f, const char *out,
		   const struct layer_codec *codec, struct err *e)
{
	struct layout_image *list = mem_zalloc((n + 1) * sizeof *list);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		AUTO_STORE_IMAGE struct store_image im = {0};

		rc = opsbase_image(s, names[i], &im, NULL, e);
		if (rc == 0)
			rc = opsbase_manifest(s, &im, codec, &list[i].manifest, e);
		if (rc == 0)
			list[i].name = layout_name(&im);
	}
	if (rc == 0)
		rc = save_to(s, f, out, list, n, e);
	for (size_t i = 0; i < n; i++) {
		free(list[i].name);
		descriptor_release(&list[i].manifest);
	}
	free(list);
	return rc;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A reader of archives wants to go back in them: what comes through a pipe is put into a file of the store's first,
 * which is removed with all that is temporary. */
static char *load_spool(struct session *s, struct err *e)
{
	AUTO_FREE char *rel = NULL, *path = NULL;
	AUTO_CLOSE int fd = -1;
	uint64_t copied;

	if (store_tmp_dir(s->store, "load", &rel, e) < 0)
		return NULL;
	path = mem_printf("%s/%s/archive", store_root(s->store), rel);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_sys(e, ERR_HOST, errno, "cannot make %s", path);
		return NULL;
	}
	if (io_copy(STDIN_FILENO, fd, UINT64_MAX, &copied, "standard input", e) < 0)
		return NULL;
	if (copied)
		return STEAL_PTR(path);
	err_set(e, ERR_INPUT, "standard input is empty");
	return NULL;
}

int image_ops_load_stdin(struct session *s, const char *tag, const char *name, struct digest *id, struct err *e)
{
	AUTO_FREE char *path = load_spool(s, e);
	int rc = path ? image_ops_load(s, path, tag, name, id, e) : -1;

	if (path)
		unlink(path);
	return rc;
}

int image_ops_load(struct session *s, const char *path, const char *tag, const char *name, struct digest *id,
		   struct err *e)
{
	AUTO_DESCRIPTOR struct descriptor manifest = {0};
	AUTO_FREE char *found = NULL;
	struct platform host;
	int rc;

	platform_host(&host);
	rc = is_directory(path) ? layout_load_dir(s->store, path, tag, &host, &manifest, &found, e)
				: layout_load_archive(s->store, path, tag, &host, &manifest, &found, e);
	if (rc < 0)
		return -1;
	if (!name)
		name = found ? found : tag;
	if (!name) {
		err_set(e, ERR_USAGE, "%s does not say what its image is called", path);
		return err_hint(e, "give a name");
	}
	return opsbase_adopt(s, &manifest, name, id, NULL, e);
}

/* --- house-keeping --- */

int image_ops_gc(struct session *s, int64_t keep_ns, bool dry_run, struct store_gc_stats *out, struct err *e)
{
	if (store_gc(s->store, keep_ns, dry_run, out, e) < 0)
		return -1;
	return dry_run ? 0 : sweep_trash(s, e) < 0 ? -1 : 0;
}

/* A gc that keeps longer keeps more, so the time is found by halving. */
int image_ops_gc_fit(struct session *s, uint64_t bytes, int64_t max_ns, int64_t *keep_ns, struct err *e)
{
	const int64_t ever = INT64_C(20) * 365 * 86400; /* older than any store */
	int64_t low = 0, high = max_ns ? max_ns / CLOCK_NS_PER_S : ever, keep = high;

	/* low fits (or nothing does), high does not; the first question is whether all may stay */
	for (; high - low > 1; keep = low + (high - low) / 2) {
		struct store_gc_stats st;

		if (store_gc(s->store, keep * CLOCK_NS_PER_S, true, &st, e) < 0)
			return -1;
		if (st.kept_bytes > bytes)
			high = keep;
		else if (keep == high)
			break;
		else
			low = keep;
	}
	*keep_ns = (keep == high && high - low > 1 ? high : low) * CLOCK_NS_PER_S;
	return 0;
}
