/* ADD of files of web servers and of git repositories. */
#include "src/build/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/gitrepo.h"
#include "src/build/unarchive.h"
#include "src/build/urlfetch.h"
#include "src/dockerfile/dparse.h"
#include "src/session/worker.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* As the reference builder makes it. */
#define REMOTE_FILE_MODE 0600

/* --- a repository --- */

static int fetch_repo(struct build *b, struct plan_remote *r, struct err *e)
{
	AUTO_GITREPO struct gitrepo g = {0};

	if (b->o->offline)
		return err_set(e, ERR_INPUT, "--offline: a repository is not asked");
	if (gitrepo_parse(r->url, &g, e) < 0 || !(r->dir = context_place(b->s, &b->context, "git", e)) ||
	    gitrepo_checkout(&g, r->dir, r->keep_git, &r->id, e) < 0)
		return -1;
	if (r->checksum && (strlen(r->checksum) < 7 || strncmp(r->id, r->checksum, strlen(r->checksum)) != 0))
		return err_set(e, ERR_INTEGRITY, "its commit is %s, but --checksum says %s", r->id, r->checksum);
	return gitrepo_enter(&g, &r->dir, e);
}

/* --- all --- */

/* What one source of a step waits for. */
struct item {
	const struct plan_stage *st;
	const struct plan_step *s;
	struct plan_remote *r;
	size_t fetch; /* index of its transfer; SIZE_MAX: none */
};

struct items {
	struct item *v;
	size_t n, cap;
};

static int fail(const struct build *b, const struct item *it, struct err *e)
{
	err_wrap(e, "stage %s: ADD %s", it->st->name, it->r->url);
	return it->s->pos.line ? dparse_err_at(b->plan->sources.v[it->st->source]->file, it->s->pos, e) : -1;
}

/* One transfer for all that want the same. */
static size_t want_file(struct urlfetch_list *l, const char *url, enum hash_alg alg)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].alg == alg && strcmp(l->v[i].url, url) == 0)
			return i;
	vec_push(l, ((struct urlfetch){.url = url, .alg = alg}));
	return l->n - 1;
}

/* What --checksum names and the store has is not asked for. */
static int begin_file(struct build *b, struct item *it, struct urlfetch_list *l, struct err *e)
{
	struct plan_remote *r = it->r;
	struct digest want = {0};
	uint64_t size;

	if (r->checksum && digest_parse(sv_from(r->checksum), &want, ERR_INPUT, e) < 0)
		return -1;
	if (!digest_is_set(&want) || !store_blob_has(b->s->store, &want, &size)) {
		it->fetch = want_file(l, r->url, digest_is_set(&want) ? digest_alg(&want) : HASH_SHA256);
		return 0;
	}
	r->digest = want;
	r->id = mem_strdup(want.text);
	return 0;
}

static int end_file(const struct item *it, struct urlfetch *f, struct err *e)
{
	struct plan_remote *r = it->r;

	if (err_is_set(&f->err)) {
		err_move(e, &f->err);
		return -1;
	}
	r->digest = f->digest;
	r->id = mem_strdup(r->digest.text);
	if (!r->checksum || strcmp(r->digest.text, r->checksum) == 0)
		return 0;
	err_set(e, ERR_INTEGRITY, "its digest is %s, but --checksum says %s", r->digest.text, r->checksum);
	return err_hint(e, "if the new content is what you want, write --checksum=%s", r->digest.text);
}

static void find_items(struct build *b, struct items *items)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct plan_stage *st = &b->plan->stages.v[i];

		for (size_t k = 0; st->evaluated && k < st->steps.n; k++) {
			struct plan_step *s = &st->steps.v[k];

			for (size_t n = 0; n < s->copy.remotes.n; n++)
				vec_push(items, ((struct item){st, s, &s->copy.remotes.v[n], SIZE_MAX}));
		}
	}
}

static int fetch_files(struct build *b, struct items *items, struct urlfetch_list *files, struct err *e)
{
	for (size_t i = 0; i < items->n; i++)
		if (!items->v[i].r->git && begin_file(b, &items->v[i], files, e) < 0)
			return fail(b, &items->v[i], e);
	if (urlfetch_all(b, files, e) < 0)
		return -1;
	for (size_t i = 0; i < items->n; i++) {
		struct item *it = &items->v[i];

		if (it->fetch != SIZE_MAX && end_file(it, &files->v[it->fetch], e) < 0)
			return fail(b, it, e);
	}
	return 0;
}

/* Files at the same time, then repositories one after the other. */
int remote_fetch_all(struct build *b, struct err *e)
{
	AUTO_URLFETCH struct urlfetch_list files = {0};
	struct items items = {0};
	int rc;

	find_items(b, &items);
	rc = fetch_files(b, &items, &files, e);
	for (size_t i = 0; rc == 0 && i < items.n; i++)
		if (items.v[i].r->git && fetch_repo(b, items.v[i].r, e) < 0)
			rc = fail(b, &items.v[i], e);
	vec_release(&items);
	return rc;
}

/* --- the copy --- */

static char *blob_path(const struct build *b, const struct digest *d)
{
	return mem_printf("%s/blobs/%s/%s", store_root(b->s->store), digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256",
			  digest_hex(d));
}

static int copy_file(const struct build *b, const struct plan_remote *r, struct copyto *c, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list list = {0};
	AUTO_FREE char *path = blob_path(b, &r->digest);
	struct source_match m = {.path = plan_remote_name(r->url)};
	struct source_entry en = {.rel = mem_strdup(""), .open_path = mem_strdup("")};
	struct source_set set;
	int rc;

	source_init(&set);
	source_add(&set, m.path, path);
	rc = stat(path, &en.st) < 0 ? err_sys(e, ERR_HOST, errno, "%s", path) : 0;
	en.st.st_mode = S_IFREG | REMOTE_FILE_MODE;
	en.st.st_nlink = 1;
	vec_push(&m.entries, en);
	vec_push(&list.matches, m);
	c->src = &set;
	c->list = &list;
	if (rc == 0)
		rc = source_prepare(&set, e);
	if (rc == 0)
		rc = copyto_run(c, e);
	source_release(&set);
	return rc;
}

static int copy_repo(const struct plan_remote *r, struct copyto *c, struct err *e)
{
	AUTO_SOURCE_LIST struct source_list list = {0};
	AUTO_STRV struct strv all = {0};
	struct source_set set;
	int rc;

	strv_add(&all, ".");
	source_init(&set);
	source_add(&set, "", r->dir);
	rc = source_prepare(&set, e);
	if (rc == 0)
		rc = source_select(&set, &(struct source_query){.patterns = &all}, &list, e);
	c->src = &set;
	c->list = &list;
	if (rc == 0)
		rc = copyto_run(c, e);
	source_release(&set);
	return rc;
}

int remote_copy(const struct step_job *j, const struct copyto *to, struct err *e)
{
	const struct plan_copy *pc = &j->def->copy;
	struct unarchive un = {.b = j->b, .job = j, .prefix = "url"};

	for (size_t i = 0; i < pc->remotes.n; i++) {
		const struct plan_remote *r = &pc->remotes.v[i];
		struct copyto c = *to;

		c.from_root = false;
		c.sum = NULL;
		c.unpack = pc->unpack_remote && !r->git ? unarchive_entry : NULL;
		c.unpack_arg = &un;
		un.to = &c;
		if ((r->git ? copy_repo(r, &c, e) : copy_file(j->b, r, &c, e)) < 0)
			return err_wrap(e, "%s", r->url);
	}
	return 0;
}
