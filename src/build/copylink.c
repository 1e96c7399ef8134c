#include "src/build/copylink_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "oci/shares.h"
#include "src/build/copyfile.h"
#include "src/util/aclrec.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* Deeper stacks are copied from: each directory would be looked for in each layer. */
#define LAYERS_MAX_LINKED 64

static const char noted[] = "y", copied[] = "n";

/* --- what may be linked at all --- */

static bool is_dir(const struct source_entry *en)
{
	return S_ISDIR(en->st.st_mode);
}

/* Two matches can have the same place, or the same file. */
static bool are_distinct(const struct source_list *list)
{
	AUTO_SMAP struct smap places = {0};
	AUTO_LINKMAP struct linkmap inodes = {0};

	for (size_t i = 0; list->matches.n > 1 && i < list->matches.n; i++) {
		const struct source_match *m = &list->matches.v[i];
		bool tree = is_dir(&m->entries.v[0]);

		for (size_t k = tree ? 1 : 0; k < m->entries.n; k++) {
			const struct source_entry *en = &m->entries.v[k];
			const char *place = tree ? en->rel : path_base(m->path);
			AUTO_FREE char *match = mem_printf("%zu", i);
			const char *first = is_dir(en) ? NULL : linkmap_first(&inodes, &en->st, match);

			if ((first && strcmp(first, match) != 0) || smap_has(&places, place))
				return false;
			smap_set(&places, place, NULL);
		}
	}
	return true;
}

static void add_owned(const struct build *b, const struct digest *diff_id, struct strv *out, bool *known)
{
	AUTO_FREE char *path = store_layer_path(b->s->tier.form, diff_id);

	strv_add(out, digest_hex(diff_id));
	*known &= shares_get(store_fd(b->s->store), path, out) == 0;
}

static bool meets(const struct strv *a, const struct smap *taken)
{
	for (size_t i = 0; i < a->n; i++)
		if (smap_has(taken, a->v[i]))
			return true;
	return false;
}

/* false if the destination may have inodes of anybody. */
static bool find_taken(const struct build *b, const struct digest_list *parent, struct smap *out)
{
	bool known = true;

	for (size_t i = 0; i < parent->n; i++) {
		AUTO_STRV struct strv owned = {0};

		add_owned(b, &parent->v[i], &owned, &known);
		for (size_t k = 0; k < owned.n; k++)
			smap_set(out, owned.v[k], NULL);
	}
	return known;
}

static bool add_layers(struct copylink *l, const struct build *b, const struct digest_list *from,
		       const struct smap *taken)
{
	bool any = false;

	for (size_t i = from->n; i-- > 0;) {
		struct copylink_layer layer = {.path = store_layer_path(b->s->tier.form, &from->v[i]), .dirfd = -1};
		bool known = true;

		add_owned(b, &from->v[i], &layer.owns, &known);
		layer.usable = known && !meets(&layer.owns, taken);
		any |= layer.usable;
		vec_push(&l->layers, layer);
	}
	return any;
}

struct copylink *copylink_new(const struct build *b, const struct digest_list *parent, const struct digest_list *from,
			      int srcfd, const char *upper, const struct source_list *list)
{
	AUTO_SMAP struct smap taken = {0};
	struct copylink *l;

	if (b->s->tier.trees || b->s->tier.refused || from->n > LAYERS_MAX_LINKED || !are_distinct(list) ||
	    !find_taken(b, parent, &taken))
		return NULL;
	l = mem_new(struct copylink);
	l->store = store_fd(b->s->store);
	l->srcfd = srcfd;
	l->upper = mem_strdup(upper);
	l->upperfd = openat(l->store, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l->upperfd >= 0 && add_layers(l, b, from, &taken))
		return l;
	copylink_free(l);
	return NULL;
}

void copylink_free(struct copylink *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->layers.n; i++) {
		free(l->layers.v[i].path);
		strv_release(&l->layers.v[i].owns);
		if (l->layers.v[i].dirfd >= 0)
			close(l->layers.v[i].dirfd);
	}
	vec_release(&l->layers);
	for (size_t i = 0; i < l->items.n; i++)
		free(l->items.v[i].name);
	vec_release(&l->items);
	strv_release(&l->places);
	strv_release(&l->srcdirs);
	strv_release(&l->shares);
	linkmap_release(&l->firsts);
	if (l->upperfd >= 0)
		close(l->upperfd);
	free(l->upper);
	free(l->asked);
	free(l);
}

/* --- where things are --- */

/* Path of a directory in its root, without the slash in front: no link is in it. NULL: too long. */
static char *path_in_root(int fd)
{
	AUTO_FREE char *link = mem_printf("/proc/self/fd/%d", fd);
	AUTO_FREE char *path = path_readlink_at(AT_FDCWD, link);

	if (!path || path[0] != '/')
		return NULL;
	return mem_strdup(path[1] ? path + 1 : ".");
}

static const char *last_of(const struct strv *v)
{
	return v->n ? v->v[v->n - 1] : "";
}

/* The directory's counterpart below the upper one exists once something was made in the mounted one; that it is the one
 * that we take for it shows in what was made. Its times are those that all that is copied gives it. */
static bool open_place(struct copylink *l, int dirfd, const char *path, const char *name)
{
	AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	AUTO_CLOSE int up = fd < 0 ? -1 : path_open_nolinks(l->upperfd, path, O_RDONLY | O_DIRECTORY, 0);
	struct stat made, there;
	bool same = up >= 0 && fstat(fd, &made) == 0 && fstatat(up, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(there.st_mode) && made.st_ino == there.st_ino;

	l->place_inherits = same && fgetxattr(up, ACLREC_DEFAULT, NULL, 0) >= 0;
	/* Left there if it is right: the link takes its place. */
	if (fd >= 0 && !same)
		unlinkat(dirfd, name, 0);
	return same;
}

static bool use_place(struct copylink *l, int dirfd, const char *name)
{
	AUTO_FREE char *path = path_in_root(dirfd);

	if (!path)
		return false;
	if (strcmp(path, last_of(&l->places)) == 0)
		return l->place_usable;
	l->place_usable = open_place(l, dirfd, path, name);
	strv_take(&l->places, STEAL_PTR(path));
	return l->place_usable;
}

/* Descriptors of the directory in all trees, once for all that is in it. */
static void use_source_dir(struct copylink *l, const char *path)
{
	AUTO_FREE char *dir = path_dir(path);
	AUTO_CLOSE int fd = -1;

	if (l->asked && strcmp(l->asked, dir) == 0)
		return;
	fd = path_open_in(l->srcfd, dir, O_PATH | O_DIRECTORY, 0);
	char *real = fd < 0 ? NULL : path_in_root(fd);

	free(l->asked);
	l->asked = STEAL_PTR(dir);
	for (size_t i = 0; i < l->layers.n; i++) {
		struct copylink_layer *layer = &l->layers.v[i];
		AUTO_FREE char *at = mem_printf("%s/%s", layer->path, real ? real : "");

		if (layer->dirfd >= 0)
			close(layer->dirfd);
		layer->dirfd = real ? path_open_nolinks(l->store, at, O_PATH | O_DIRECTORY, 0) : -1;
	}
	strv_take(&l->srcdirs, real ? real : mem_strdup(""));
}

/* An overlay shows the inode numbers of the trees below it, if they lie on one file system. */
static bool is_it(int dirfd, const char *name, const struct source_entry *en)
{
	struct stat st;

	return dirfd >= 0 && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_ino == en->st.st_ino && st.st_size == en->st.st_size &&
	       st.st_mtim.tv_sec == en->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == en->st.st_mtim.tv_nsec;
}

/* The tree that has the file, or SIZE_MAX. */
static size_t find_layer(struct copylink *l, const struct source_entry *en)
{
	use_source_dir(l, en->open_path);
	for (size_t i = 0; i < l->layers.n; i++)
		if (is_it(l->layers.v[i].dirfd, path_base(en->open_path), en))
			return l->layers.v[i].usable ? i : SIZE_MAX;
	return SIZE_MAX;
}

/* --- noting --- */

static bool keeps_all(const struct source_entry *en, const struct copyfile_meta *m)
{
	return S_ISREG(en->st.st_mode) && m->uid == en->st.st_uid && m->gid == en->st.st_gid &&
	       m->mode == (en->st.st_mode & 07777) && m->mtime.tv_sec == en->st.st_mtim.tv_sec &&
	       m->mtime.tv_nsec == en->st.st_mtim.tv_nsec && !m->clamped && !m->xattrs.others;
}

/* Whether the new tree may share with that layer, too. */
static bool use_layer(struct copylink *l, size_t i)
{
	const struct strv *owns = &l->layers.v[i].owns;
	size_t more = 0;

	for (size_t k = 0; k < owns->n; k++)
		more += !strv_has(&l->shares, owns->v[k]);
	if (l->shares.n + more > SHARES_MAX)
		return false;
	for (size_t k = 0; more && k < owns->n; k++)
		if (!strv_has(&l->shares, owns->v[k]))
			strv_add(&l->shares, owns->v[k]);
	return true;
}

static bool note(struct copylink *l, const struct source_entry *en, const struct copyfile_meta *m, int dirfd,
		 const char *name, bool again)
{
	size_t layer = keeps_all(en, m) ? find_layer(l, en) : SIZE_MAX;

	if (layer == SIZE_MAX || !use_layer(l, layer) || !use_place(l, dirfd, name) || (l->place_inherits && !again))
		return false;
	vec_push(&l->items, (struct copylink_item){.dir = l->places.n - 1,
						   .name = mem_strdup(name),
						   .layer = layer,
						   .src = path_base(en->open_path),
						   .srcdir = l->srcdirs.n - 1});
	return true;
}

int copylink_add(struct copylink *l, const struct source_entry *en, const struct copyfile_meta *m, int dirfd,
		 const char *name, bool again, struct err *e)
{
	/* Names of one file stay names of one file: the first one decides. */
	if (again && strcmp(linkmap_first(&l->firsts, &en->st, copied) ?: copied, copied) == 0)
		return 0;
	bool done = note(l, en, m, dirfd, name, again);

	if (again && !done)
		return err_set(e, ERR_HOST, "%s cannot be a hard link to the file that it is one of in its source",
			       name);
	if (!again && en->st.st_nlink > 1)
		linkmap_first(&l->firsts, &en->st, done ? noted : copied);
	return done;
}
