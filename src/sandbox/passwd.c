/* Users and groups of the image, by reading its text files. */
#include "src/sandbox/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/num.h"
#include "src/util/path.h"
#include "src/util/sv.h"

#define PASSWD_FILE "/etc/passwd"
#define GROUP_FILE  "/etc/group"
/* Largest passwd or group file that is read. */
#define PASSWD_FILE_MAX ((size_t)8 << 20)
/* What container runtimes take: beyond it some programs see a negative number, and 2^32-1 means "unchanged" to
 * chown(2) and setresuid(2). */
#define PASSWD_ID_MAX UINT64_C(2147483647)

struct account {
	struct sv name;
	uid_t uid;
	gid_t gid;
	struct sv home;
};

/* A text "user[:group]"; a missing or empty part has p == NULL. */
struct names {
	struct sv user, group;
};

static struct names split(const char *spec)
{
	struct sv rest = sv_from(spec);
	struct names n = {sv_cut(&rest, ':'), rest};

	if (n.user.n == 0)
		n.user = SV_NULL;
	if (n.group.n == 0)
		n.group = SV_NULL;
	return n;
}

static bool is_number(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* 1: an id; 0: a name; -1: a number that is no id. */
static int parse_id(struct sv s, const char *what, uint32_t *id, struct err *e)
{
	uint64_t v;

	if (!is_number(s))
		return 0;
	if (num_parse(s, 10, PASSWD_ID_MAX, &v) < 0)
		return err_set(e, ERR_INPUT, "%s %.*s is out of range (at most %llu)", what, SV_ARG(s),
			       (unsigned long long)PASSWD_ID_MAX);
	*id = (uint32_t)v;
	return 1;
}

/* O_NONBLOCK: a fifo in its place must not hang us before it is refused. */
static int read_text(int rootfd, const char *file, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = path_open_in(rootfd, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, ERR_INPUT, errno, "%s of the image", file);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s of the image is no regular file", file);
	return io_read_all(fd, out, file, e);
}

/* name:password:uid:gid:gecos:home:shell (passwd(5)); false for a malformed line. */
static bool parse_account(struct sv line, struct account *a)
{
	struct sv field[7] = {0}, rest = line;
	uint64_t uid, gid;
	size_t n = 0;

	while (rest.p && n < ARRAY_LEN(field))
		field[n++] = sv_cut(&rest, ':');
	if (n < 4 || field[0].n == 0)
		return false;
	if (num_parse(field[2], 10, PASSWD_ID_MAX, &uid) < 0 || num_parse(field[3], 10, PASSWD_ID_MAX, &gid) < 0)
		return false;
	*a = (struct account){field[0], (uid_t)uid, (gid_t)gid, field[5]};
	return true;
}

/* First line with that uid (name.p == NULL) or name. */
static bool find_account(struct sv text, struct sv name, uint32_t uid, struct account *a)
{
	while (text.p)
		if (parse_account(sv_cut(&text, '\n'), a) && (name.p ? sv_eq(a->name, name) : a->uid == uid))
			return true;
	return false;
}

/* name:password:gid:member,member (group(5)). */
static bool parse_group(struct sv line, struct sv *name, gid_t *gid, struct sv *members)
{
	struct sv rest = line, number;
	uint64_t v;

	*name = sv_cut(&rest, ':');
	if (!rest.p || name->n == 0)
		return false;
	sv_cut(&rest, ':');
	number = sv_cut(&rest, ':');
	if (num_parse(number, 10, PASSWD_ID_MAX, &v) < 0)
		return false;
	*gid = (gid_t)v;
	*members = rest;
	return true;
}

static bool find_group(struct sv text, struct sv wanted, gid_t *gid)
{
	struct sv name, members;

	while (text.p)
		if (parse_group(sv_cut(&text, '\n'), &name, gid, &members) && sv_eq(name, wanted))
			return true;
	return false;
}

static bool is_member(struct sv members, struct sv user)
{
	while (members.p)
		if (sv_eq(sv_trim(sv_cut(&members, ',')), user))
			return true;
	return false;
}

static int add_groups(struct sv text, struct sv user, struct passwd_ids *out, struct err *e)
{
	struct sv name, members;
	gid_t gid;

	while (text.p) {
		if (!parse_group(sv_cut(&text, '\n'), &name, &gid, &members) || gid == out->gid ||
		    !is_member(members, user))
			continue;
		if (out->ngroups == PASSWD_GROUPS_MAX)
			return err_set(e, ERR_INPUT, "user \"%.*s\" is in more than %d groups", SV_ARG(user),
				       PASSWD_GROUPS_MAX);
		out->groups[out->ngroups++] = gid;
	}
	return 0;
}

/* The user part: ids and home; the entry's name in *matched if there is one. "root" needs no entry. */
static int look_up_user(struct sv text, struct sv user, struct passwd_ids *out, char **matched, struct err *e)
{
	struct account a;
	uint32_t uid = 0;
	int number = user.p ? parse_id(user, "user id", &uid, e) : 1;

	if (number < 0)
		return -1;
	out->uid = uid;
	if (find_account(text, number ? SV_NULL : user, uid, &a)) {
		out->uid = a.uid;
		out->gid = a.gid;
		*matched = sv_dup(a.name);
		if (a.home.n > 0)
			out->home = sv_dup(a.home);
		return 0;
	}
	if (number || sv_eq_str(user, "root"))
		return 0;
	err_set(e, ERR_INPUT, "user \"%.*s\" is not in " PASSWD_FILE " of the image", SV_ARG(user));
	return err_hint(e, "create it in an earlier RUN (useradd, adduser) or give a number");
}

static int look_up_group(int rootfd, struct sv group, gid_t *gid, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PASSWD_FILE_MAX);
	uint32_t id;
	int number = parse_id(group, "group id", &id, e);

	if (number < 0)
		return -1;
	if (number) {
		*gid = id;
		return 0;
	}
	if (read_text(rootfd, GROUP_FILE, &text, e) < 0)
		return -1;
	if (find_group(buf_sv(&text), group, gid))
		return 0;
	if (sv_eq_str(group, "root")) {
		*gid = 0;
		return 0;
	}
	err_set(e, ERR_INPUT, "group \"%.*s\" is not in " GROUP_FILE " of the image", SV_ARG(group));
	return err_hint(e, "create it in an earlier RUN (groupadd, addgroup) or give a number");
}

static int member_groups(int rootfd, const char *user, struct passwd_ids *out, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PASSWD_FILE_MAX);

	if (read_text(rootfd, GROUP_FILE, &text, e) < 0)
		return -1;
	return add_groups(buf_sv(&text), sv_from(user), out, e);
}

static int look_up(int rootfd, struct names n, struct passwd_ids *out, char **matched, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PASSWD_FILE_MAX);

	if (read_text(rootfd, PASSWD_FILE, &text, e) < 0)
		return -1;
	if (look_up_user(buf_sv(&text), n.user, out, matched, e) < 0)
		return -1;
	if (n.group.p)
		return look_up_group(rootfd, n.group, &out->gid, e);
	return *matched ? member_groups(rootfd, *matched, out, e) : 0;
}

int passwd_lookup(int rootfd, const char *spec, struct passwd_ids *out, struct err *e)
{
	AUTO_FREE char *matched = NULL;

	*out = (struct passwd_ids){0};
	if (look_up(rootfd, split(spec), out, &matched, e) < 0) {
		passwd_release(out);
		return -1;
	}
	if (!out->home)
		out->home = mem_strdup("/");
	return 0;
}

int passwd_lookup_owner(int rootfd, const char *spec, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct names n = split(spec);
	struct passwd_ids ids;

	if (passwd_lookup(rootfd, spec, &ids, e) < 0)
		return -1;
	*uid = ids.uid;
	*gid = n.group.p || !is_number(n.user) ? ids.gid : (gid_t)ids.uid;
	passwd_release(&ids);
	return 0;
}

void passwd_release(struct passwd_ids *p)
{
	free(p->home);
	p->home = NULL;
}
