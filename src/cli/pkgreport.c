#include "src/cli/pkgreport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "src/cli/gittree.h"
#include "src/cli/release.h"
#include "src/flavor/pkgdiff.h"
#include "src/util/io.h"
#include "src/util/mem.h"
#include "src/util/path.h"
#include "src/util/tmp.h"

struct pkgreport {
	const char *new_root, *old_root, *new_name, *old_name, *out;
	struct buf overview;
};

/* A flavor of the newer version and what it is compared with. */
struct pkgreport_pair {
	char *flavor;	  /* name of the newer one */
	char *old_flavor; /* of the older one */
	char *new_dir, *old_dir;
	bool alone; /* a new flavor that is derived from none */
};

static void pkgreport_pair_release(struct pkgreport_pair *p)
{
	free(p->flavor);
	free(p->old_flavor);
	free(p->new_dir);
	free(p->old_dir);
}

static bool pkgreport_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* flavor_base/derived_from: "flavors/other". */
static int pkgreport_derived(const struct pkgreport *d, struct pkgreport_pair *p, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s/flavor_base/derived_from", p->new_dir), *from = NULL;
	AUTO_BUF struct buf text = BUF_INIT(PATH_MAX);

	p->alone = access(file, F_OK) < 0;
	if (p->alone)
		return 0;
	if (io_read_file(AT_FDCWD, file, &text, e))
		return -1;
	from = sv_dup(sv_trim(buf_sv(&text)));
	if (!from[0] || !path_is_beneath(from)) {
		err_set(e, ERR_INPUT, "\"%s\" is no path in the repository", from);
		return err_at(e, file, 1, 0);
	}
	free(p->old_dir);
	p->old_dir = mem_printf("%s/%s", d->old_root, from);
	free(p->old_flavor);
	p->old_flavor = mem_strdup(path_base(from));
	if (pkgreport_is_dir(p->old_dir))
		return 0;
	err_set(e, ERR_INPUT, "%s is derived from %s, which %s does not have", p->flavor, from, d->old_name);
	return err_at(e, file, 1, 0);
}

static int pkgreport_file(const struct pkgreport *d, const struct pkgreport_pair *p, const char *rel, const char *what,
			  struct pkgdiff *diff, struct buf *out, struct err *e)
{
	AUTO_FREE char *old = mem_printf("%s/%s", p->old_dir, rel), *new = mem_printf("%s/%s", p->new_dir, rel);
	struct pkgdiff_title t = {what, p->flavor, p->old_flavor, d->new_name, d->old_name, p->alone};

	if (p->alone)
		t.old_name = d->new_name;
	if (pkgdiff_compare(p->alone ? NULL : old, new, diff, e))
		return -1;
	pkgdiff_markdown(diff, &t, out);
	return 0;
}

static int pkgreport_put(const struct pkgreport *d, const struct pkgreport_pair *p, const char *file,
			 const struct buf *text, struct err *e)
{
	AUTO_FREE char *sub = strcmp(p->flavor, p->old_flavor) == 0 ? mem_strdup(p->flavor)
								    : mem_printf("%s__%s", p->flavor, p->old_flavor);
	AUTO_FREE char *dir = mem_printf("%s/%s", d->out, sub), *path = mem_printf("%s/%s", dir, file);

	return release_mkdirs(dir, e) || io_write_output(path, text->p, text->n, e) ? -1 : 0;
}

static void pkgreport_note(struct pkgreport *d, const struct pkgreport_pair *p)
{
	AUTO_FREE char *title = pkgdiff_title_case(p->flavor);
	bool same = strcmp(p->flavor, p->old_flavor) == 0;
	AUTO_FREE char *sub = same ? mem_strdup(p->flavor) : mem_printf("%s__%s", p->flavor, p->old_flavor);

	/* The odd spaces at the end are EXASLCT's. */
	buf_printf(&d->overview,
		   "\n## %s\n- [Release dependencies](%s/public_packages.md)\n"
		   "- [Build dependencies](%s/internal_packages.md)\n    ",
		   title, sub, sub);
}

static int pkgreport_pair(struct pkgreport *d, const struct pkgreport_pair *p, struct err *e)
{
	AUTO_BUF struct buf public = BUF_INIT(BUF_TEXT_MAX), internal = BUF_INIT(BUF_TEXT_MAX);
	AUTO_PKGDIFF struct pkgdiff one = {0}, two = {0};

	if (pkgreport_file(d, p, "packages.yml", "Public packages", &one, &public, e) ||
	    pkgreport_file(d, p, "flavor_base/packages.yml", "Internal packages", &two, &internal, e))
		return -1;
	if (!one.there && !two.there)
		return 0;
	pkgreport_note(d, p);
	return pkgreport_put(d, p, "public_packages.md", &public, e) ||
			       pkgreport_put(d, p, "internal_packages.md", &internal, e)
		       ? -1
		       : 0;
}

static int pkgreport_flavor(struct pkgreport *d, const char *name, struct err *e)
{
	struct pkgreport_pair p = {.flavor = mem_strdup(name),
				   .old_flavor = mem_strdup(name),
				   .new_dir = mem_printf("%s/flavors/%s", d->new_root, name),
				   .old_dir = mem_printf("%s/flavors/%s", d->old_root, name)};
	int rc = 0;

	if (pkgreport_is_dir(p.new_dir)) {
		if (!pkgreport_is_dir(p.old_dir))
			rc = pkgreport_derived(d, &p, e);
		if (!rc)
			rc = pkgreport_pair(d, &p, e);
	}
	if (rc)
		err_wrap(e, "flavor %s", name);
	pkgreport_pair_release(&p);
	return rc;
}

static int pkgreport_list(const char *dir, struct strv *out, struct err *e)
{
	AUTO_CLOSEDIR DIR *d = opendir(dir);

	if (!d) {
		err_sys(e, ERR_INPUT, errno, "%s", dir);
		return err_hint(e, "the repository has its flavors in flavors/");
	}
	for (struct dirent *de; (de = readdir(d));) {
		if (de->d_name[0] != '.')
			strv_add(out, de->d_name);
	}
	strv_sort(out);
	return 0;
}

static int pkgreport_all(struct pkgreport *d, struct err *e)
{
	AUTO_FREE char *flavors = mem_printf("%s/flavors", d->new_root), *readme = mem_printf("%s/README.md", d->out);
	AUTO_STRV struct strv names = {0};

	d->overview = BUF_INIT(BUF_TEXT_MAX);
	buf_printf(&d->overview, "# Package Version Comparison between %s and %s\n\n", d->new_name, d->old_name);
	if (release_mkdirs(d->out, e) || pkgreport_list(flavors, &names, e))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (pkgreport_flavor(d, names.v[i], e))
			return -1;
	}
	return io_write_output(readme, d->overview.p, d->overview.n, e);
}

/* --- the two versions --- */

static int pkgreport_with(const char *root, const char *tmp, const char *from, const char *to, const char *name,
			  const char *out, struct err *e)
{
	AUTO_FREE char *old = mem_printf("%s/old", tmp), *new = mem_printf("%s/new", tmp);
	struct pkgreport d = {.new_root = to ? new : root,
			      .old_root = old,
			      .new_name = name ? name
					  : to ? to
					       : "working copy",
			      .old_name = from,
			      .out = out};
	int rc;

	if (mkdir(old, 0700) < 0 || mkdir(new, 0700) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", tmp);
	rc = gittree_write(root, from, old, e) || (to && gittree_write(root, to, new, e)) || pkgreport_all(&d, e) ? -1
														  : 0;
	buf_release(&d.overview);
	return rc;
}

int pkgreport_write(const char *from, const char *to, const char *name, const char *out, struct err *e)
{
	AUTO_FREE char *root = gittree_root(".", e);
	AUTO_FREE char *tag = root && !from ? gittree_last_tag(root, e) : NULL;
	const char *base = getenv("TMPDIR");
	AUTO_FREE char *dir = NULL, *tmp = NULL;
	AUTO_CLOSE int fd = -1;
	struct err gone = ERR_INIT;
	int rc;

	if (!root || (!from && !tag))
		return -1;
	base = base && base[0] ? base : "/tmp";
	fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", base);
	if (tmp_dir(fd, "slct-diffs", &dir, e))
		return -1;
	tmp = path_join(base, dir);
	rc = pkgreport_with(root, tmp, from ? from : tag, to, name, out, e);
	path_remove_tree(fd, dir, &gone);
	err_release(&gone);
	return rc;
}
