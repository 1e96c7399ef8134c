#include "src/build/clockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/treewalk.h"
#include "src/build/clockrec.h"
#include "src/build/runmount.h"
#include "src/plan/treesum.h"
#include "src/util/mem.h"
#include "src/util/smap.h"

static void parse_files(const struct buf *text, struct smap *out)
{
	const char *p = buf_str(text), *end = p + text->n;

	while (p < end) {
		const char *space = strchr(p, ' ');

		if (space)
			smap_set(out, space + 1, mem_strndup(p, (size_t)(space - p)));
		p += strlen(p) + 1;
	}
}

static void add_file(struct buf *out, const char *hex, const char *path)
{
	buf_printf(out, "%s %s", hex, path);
	buf_char_add(out, '\0');
}

/* The copy is the step's own, so it is touched in place. same: what may be remembered if the step fails. */
static int clock_file(const struct treewalk_item *it, const struct smap *seen, bool fresh, struct buf *same,
		      struct buf *all, struct err *e)
{
	AUTO_CLOSE int fd = openat(it->dirfd, it->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t sum[STATIDX_SUM_BYTES];
	char hex[2 * STATIDX_SUM_BYTES + 1];
	const char *then = smap_get(seen, it->path);

	if (fd < 0 || treesum_file(fd, it->path, sum, e) < 0)
		return err_is_set(e) ? -1 : err_sys(e, ERR_HOST, errno, "%s", it->path);
	hash_hex(sum, sizeof sum, hex);
	add_file(all, hex, it->path);
	if (fresh || (then && strcmp(then, hex) == 0)) {
		add_file(same, hex, it->path);
		return 0;
	}
	return clockrec_touch(fd, it->path, e);
}

int clockfile_context(const struct step_job *j, const struct cachemount *c, const struct plan_mount *pm, struct err *e)
{
	AUTO_FREE char *name = clockrec_name(j, c, pm), *dir = runmount_dir(j, pm, "");
	AUTO_BUF struct buf text = BUF_INIT(CLOCKREC_MAX), same = BUF_INIT(CLOCKREC_MAX), all = BUF_INIT(CLOCKREC_MAX);
	AUTO_SMAP struct smap seen = SMAP_INIT(free);
	AUTO_CLOSE int fd = openat(store_fd(j->b->s->store), dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_TREEWALK struct treewalk *w = fd < 0 ? NULL : treewalk_open(fd, e);
	struct treewalk_item it;
	int rc = 0;

	if (!w)
		return err_is_set(e) ? -1 : err_sys(e, ERR_HOST, errno, "%s", dir);
	if (!c->fresh && clockrec_read(j, name, &text))
		parse_files(&text, &seen);
	while ((rc = treewalk_next(w, &it, e)) > 0)
		if (S_ISREG(it.st.st_mode) && clock_file(&it, &seen, c->fresh, &same, &all, e) < 0)
			return -1;
	return rc < 0 ? -1 : clockrec_write(j, name, &same, &all, e);
}
