/* Names of what is recorded. */
#include "src/sandbox/solo_names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/mem.h"

#define NAMES_PENDING 64
#define NAMES_GONE    " (deleted)" /* what the kernel puts behind the name of an open file that has none */

/* A rename or link that was let through when its object had no record: as long as the task has not come back with the
 * next one, it may still be under way, and a record that its object gets now belongs to both names. */
struct solo_pending {
	pid_t tid; /* 0: none */
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
};

bool solo_names_wanted(const struct sandbox_spec *spec)
{
	for (size_t i = 0; i < spec->nmounts; i++)
		if (spec->mounts[i].unlisted || spec->mounts[i].kind == SANDBOX_HOST)
			return false;
	return spec->names && !spec->insecure;
}

void solo_names_init(struct solo *s, const struct sandbox_spec *spec)
{
	if (!solo_names_wanted(spec))
		return;
	s->names = spec->names;
	s->pending = mem_array(NAMES_PENDING, sizeof *s->pending);
	for (size_t i = 0; i < NAMES_PENDING; i++)
		s->pending[i].tid = 0;
}

bool solo_names_none(const struct solo *s)
{
	return s->names && nameset_is_empty(s->names);
}

static bool is_name(const char *name, size_t n)
{
	return n > 0 && !(n == 1 && name[0] == '.') && !(n == 2 && name[0] == '.' && name[1] == '.');
}

bool solo_names_without(const struct solo *s, const struct solo_where *w)
{
	const char *slash = strrchr(w->path, '/'), *name = slash ? slash + 1 : w->path;
	size_t n = strlen(name);

	return s->names && w->nofollow && is_name(name, n) && !nameset_has(s->names, name, n);
}

/* And what is being made of that name. */
static void add(struct solo *s, const char *name)
{
	size_t n = strlen(name);

	if (nameset_has(s->names, name, n))
		return;
	nameset_add(s->names, name, n);
	for (size_t i = 0; i < NAMES_PENDING; i++)
		if (s->pending[i].tid && strcmp(s->pending[i].from, name) == 0)
			add(s, s->pending[i].to);
}

void solo_names_mount(struct solo *s, const struct sandbox_mount *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	bool given = m->kind == SANDBOX_FILE && (m->uid || m->gid);
	/* An empty set answers more: it stays so where nothing at all is recorded. */
	bool listed = s->names && (!nameset_is_empty(s->names) || (s->owners && owntab_len(s->owners)));

	if (s->names && (given || listed))
		add(s, slash ? slash + 1 : path);
}

/* The name by which it was opened is its only one, unless it has several links or has lost that one. */
void solo_names_record(struct solo *s, int fd)
{
	char link[16], path[PATH_MAX];
	const char *slash;
	struct stat st;
	ssize_t n;
	bool gone;

	if (!s->names)
		return;
	snprintf(link, sizeof link, "%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0 || (size_t)n == sizeof path - 1 || fstat(fd, &st) < 0) {
		nameset_add_all(s->names);
		return;
	}
	path[n] = '\0';
	gone = (size_t)n > strlen(NAMES_GONE) && strcmp(path + n - strlen(NAMES_GONE), NAMES_GONE) == 0;
	if (!S_ISDIR(st.st_mode) && (st.st_nlink > 1 || (gone && st.st_nlink > 0)))
		nameset_add_all(s->names);
	slash = strrchr(path, '/');
	add(s, slash ? slash + 1 : path);
}

/* The last name of a path, with slashes behind it cut off; NULL if it is none that can be renamed or made. */
static const char *last_name(char *path)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 0 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	n = strlen(slash ? slash + 1 : path);
	return n > NAME_MAX || !is_name(slash ? slash + 1 : path, n) ? NULL : slash ? slash + 1 : path;
}

static void let_through(struct solo *s, pid_t tid, const char *from, const char *to)
{
	struct solo_pending *p = &s->pending[(unsigned)tid % NAMES_PENDING];

	/* Another task's, which may be at it still. */
	if (p->tid && p->tid != tid && (kill(p->tid, 0) == 0 || errno != ESRCH))
		add(s, p->to);
	p->tid = tid;
	snprintf(p->from, sizeof p->from, "%s", from);
	snprintf(p->to, sizeof p->to, "%s", to);
}

/* Flags by which more than one name changes, or the object is not the one that `from` ends in. */
static bool is_odd(const struct solo_req *r)
{
	return (r->call->nr == SYS_renameat2 || r->call->nr == SYS_linkat) &&
	       ((unsigned)r->args[4] & ~(unsigned)RENAME_NOREPLACE);
}

void solo_names_move(const struct solo_req *r)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	const char *from, *to;

	/* What we cannot read, the kernel will not either. */
	if (!r->s->names || solo_req_string(r, r->args[r->call->shape.path], old_path, sizeof old_path) < 0 ||
	    solo_req_string(r, r->args[r->call->what], new_path, sizeof new_path) < 0)
		return;
	from = last_name(old_path);
	to = last_name(new_path);
	if (!to)
		return;
	if (!from || is_odd(r) || nameset_has(r->s->names, from, strlen(from)))
		add(r->s, to);
	else
		let_through(r->s, r->tid, from, to);
	if (from && is_odd(r))
		add(r->s, from);
}
