#include "src/plan/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "src/util/aclrec.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/ownrec.h"
#include "src/util/path.h"

void source_init(struct source_set *s)
{
	*s = (struct source_set){.rootfd = -1};
}

void source_release(struct source_set *s)
{
	for (size_t i = 0; i < s->parts.n; i++) {
		struct source_part *p = &s->parts.v[i];

		free(p->dest);
		free(p->path);
		free(p->text);
		if (p->fd >= 0)
			close(p->fd);
	}
	vec_release(&s->parts);
	ignore_free(s->ignore);
	source_init(s);
}

void source_add(struct source_set *s, const char *dest, const char *path)
{
	struct source_part p = {.dest = mem_strdup(dest), .path = mem_strdup(path), .fd = -1};

	vec_push(&s->parts, p);
}

int source_prepare(struct source_set *s, struct err *e)
{
	for (size_t i = 0; i < s->parts.n; i++) {
		struct source_part *p = &s->parts.v[i];

		if (!p->path || p->fd >= 0)
			continue;
		p->fd = open(p->path, O_PATH | O_CLOEXEC);
		if (p->fd < 0)
			return err_sys(e, ERR_INPUT, errno, "build context: %s", p->path);
	}
	return 0;
}

void source_add_text(struct source_set *s, const char *dest, const char *text, size_t n)
{
	struct source_part p = {.dest = mem_strdup(dest), .text = mem_dup(text, n), .text_len = n, .fd = -1};

	vec_push(&s->parts, p);
}

void source_of_root(struct source_set *s, int rootfd, const struct ownview *view)
{
	s->view = view;
	s->rootfd = rootfd;
}

static void match_release(struct source_match *m)
{
	for (size_t i = 0; i < m->entries.n; i++) {
		free(m->entries.v[i].rel);
		free(m->entries.v[i].target);
		free(m->entries.v[i].open_path);
	}
	vec_release(&m->entries);
	free(m->path);
}

void source_list_release(struct source_list *l)
{
	for (size_t i = 0; i < l->matches.n; i++)
		match_release(&l->matches.v[i]);
	vec_release(&l->matches);
	*l = (struct source_list){0};
}

static int memory_file(const struct source_part *p, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("slct-context", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s: memory file", p->dest);
	if (io_write_all(fd, p->text, p->text_len, p->dest, e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_HOST, errno, "%s: seek", p->dest);
	return STEAL_FD(fd);
}

/* Follow mode resolves on the host, because a flavor's links may lead out of it (submodules); the path was walked by
 * us. Everything else stays inside the part or root. */
static int open_real(const struct source_set *s, const struct source_entry *en, int flags)
{
	if (s->rootfd >= 0)
		return path_open_in(s->rootfd, en->open_path[0] ? en->open_path : ".", flags, 0);
	const struct source_part *p = &s->parts.v[en->part];

	if (!en->open_path[0])
		return open(p->path, flags | O_CLOEXEC);
	if (s->follow)
		return openat(p->fd, en->open_path, flags | O_CLOEXEC);
	return path_open_in(p->fd, en->open_path, flags, 0);
}

int source_open(const struct source_set *s, const struct source_entry *en, struct err *e)
{
	struct stat st;

	if (s->rootfd < 0 && s->parts.v[en->part].text)
		return memory_file(&s->parts.v[en->part], e);
	AUTO_CLOSE int fd = open_real(s, en, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "reading %s", en->open_path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "reading %s", en->open_path);
	if (!S_ISREG(st.st_mode) || st.st_ino != en->st.st_ino || st.st_dev != en->st.st_dev)
		return err_set(e, ERR_INPUT, "%s was exchanged while it was being copied", en->open_path);
	return STEAL_FD(fd);
}

static bool xattr_is_copied(const char *name)
{
	static const char *const kept[] = {"security.capability", "system.posix_acl_access",
					   "system.posix_acl_default"};

	if (strncmp(name, "user.", 5) == 0)
		return strncmp(name, "user.overlay.", 13) != 0 &&
		       strncmp(name, OWNREC_PREFIX, strlen(OWNREC_PREFIX)) != 0;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (strcmp(name, kept[i]) == 0)
			return true;
	return false;
}

/* What no layer has, either. */
static bool xattr_is_of_host(const char *name)
{
	static const char *const prefixes[] = {"user.overlay.", "trusted.overlay.", OWNREC_PREFIX, "security.selinux",
					       "system.nfs4_acl"};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int compare_xattr(const void *a, const void *b)
{
	return strcmp(((const struct source_xattr *)a)->name, ((const struct source_xattr *)b)->name);
}

#define XATTR_BYTES_MAX ACLREC_MAX

static void take_xattr(const struct source_set *s, int fd, const char *name, struct source_xattrs *out)
{
	AUTO_FREE char *value = mem_alloc(XATTR_BYTES_MAX);
	bool recorded = s->view && s->view->solo && aclrec_beside(name);
	ssize_t n = recorded ? aclrec_get(&(struct aclrec_on){fd, NULL}, name, value)
			     : fgetxattr(fd, name, value, XATTR_BYTES_MAX);

	if (n >= 0)
		vec_push(&out->v, (struct source_xattr){mem_strdup(name), mem_dup(value, (size_t)n), (size_t)n});
}

int source_xattrs_get(const struct source_set *s, const struct source_entry *en, struct source_xattrs *out,
		      struct err *e)
{
	char names[XATTR_BYTES_MAX];

	if (en->part == SOURCE_VIRTUAL || !(S_ISREG(en->st.st_mode) || S_ISDIR(en->st.st_mode)) ||
	    (s->rootfd < 0 && s->parts.v[en->part].text))
		return 0;
	AUTO_CLOSE int fd = open_real(s, en, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, ERR_INPUT, errno, "reading %s", en->open_path);
	ssize_t n = flistxattr(fd, names, sizeof names);

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (xattr_is_copied(p))
			take_xattr(s, fd, p, out);
		else if (!xattr_is_of_host(p))
			out->others = true;
	if (out->v.n)
		qsort(out->v.v, out->v.n, sizeof *out->v.v, compare_xattr);
	return 0;
}

void source_xattrs_release(struct source_xattrs *x)
{
	for (size_t i = 0; i < x->v.n; i++) {
		free(x->v.v[i].name);
		free(x->v.v[i].value);
	}
	vec_release(&x->v);
}
