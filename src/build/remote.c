/* ADD of files of web servers and of git repositories. */
#include "src/build/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "registry/urlget.h"
#include "src/build/gitrepo.h"
#include "src/build/worker.h"
#include "src/dockerfile/dparse.h"
#include "src/util/hash.h"
#include "src/util/mem.h"
#include "src/util/path.h"

/* As the reference builder makes it. */
#define REMOTE_FILE_MODE 0600
#define REMOTE_READ_BYTES ((size_t)64 << 10)

/* --- a file --- */

struct get {
	struct session *s;
	const char *url;
	enum hash_alg alg;
};

static int sum_file(int fd, enum hash_alg alg, struct digest *out, struct err *e)
{
	AUTO_HASH struct hash *h = hash_new(alg);
	AUTO_FREE char *part = mem_alloc(REMOTE_READ_BYTES);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, REMOTE_READ_BYTES, at)) > 0) {
		hash_add(h, part, (size_t)n);
		at += n;
	}
	if (n < 0)
		return err_sys(e, ERR_HOST, errno, "reading a download");
	digest_from_hash(alg, h, out);
	return 0;
}

static int get_file(void *arg, struct worker *w, struct json **result, struct err *e)
{
	struct get *g = arg;
	struct store_blob_writer blob;
	struct urlget get = {.url = g->url, .insecure = &g->s->net.insecure,
			     .ca_file = g->s->net.ca_file, .cert_dir = g->s->net.cert_dir};
	struct digest d;
	int rc;

	(void)w;
	if (store_blob_begin(g->s->store, &blob, e) < 0)
		return -1;
	get.fd = blob.fd;
	rc = urlget_file(&get, e);
	urlget_release(&get);
	if (rc < 0 || sum_file(blob.fd, g->alg, &d, e) < 0) {
		store_blob_abort(g->s->store, &blob);
		return -1;
	}
	*result = json_new_str(d.text);
	return store_blob_commit(g->s->store, &blob, &d, get.size, NULL, e);
}

static int fetch_file(struct build *b, struct plan_remote *r, struct err *e)
{
	struct get get = {.s = b->s, .url = r->url, .alg = HASH_SHA256};
	struct worker_spec spec = {.role = "fetch", .enter = WORKER_PLAIN, .fn = get_file, .arg = &get};
	AUTO_JSON struct json *answer = NULL;
	struct digest want = {0};
	uint64_t size;

	if (r->checksum && digest_parse(sv_from(r->checksum), &want, ERR_INPUT, e) < 0)
		return -1;
	if (digest_is_set(&want) && store_blob_has(b->s->store, &want, &size)) {
		r->digest = want;
	} else {
		if (b->o->offline)
			return err_set(e, ERR_INPUT, "--offline: it is not in the store");
		if (digest_is_set(&want))
			get.alg = digest_alg(&want);
		if (worker_call(b->s, &spec, &answer, e) < 0 ||
		    digest_parse(sv_from(json_str(answer)), &r->digest, ERR_INTERNAL, e) < 0)
			return -1;
	}
	if (digest_is_set(&want) && !digest_eq(&want, &r->digest))
		return err_set(e, ERR_INTEGRITY, "its digest is %s, but --checksum says %s", r->digest.text, want.text);
	r->id = mem_strdup(r->digest.text);
	return 0;
}

/* --- a repository --- */

static int fetch_repo(struct build *b, struct plan_remote *r, struct err *e)
{
	AUTO_GITREPO struct gitrepo g = {0};
	AUTO_CLOSE int root = -1, sub = -1;

	if (b->o->offline)
		return err_set(e, ERR_INPUT, "--offline: a repository is not asked");
	if (gitrepo_parse(r->url, &g, e) < 0 || !(r->dir = context_place(b->s, &b->context, "git", e)) ||
	    gitrepo_checkout(&g, r->dir, r->keep_git, &r->id, e) < 0)
		return -1;
	if (r->checksum && (strlen(r->checksum) < 7 || strncmp(r->id, r->checksum, strlen(r->checksum)) != 0))
		return err_set(e, ERR_INTEGRITY, "its commit is %s, but --checksum says %s", r->id, r->checksum);
	if (!g.subdir)
		return 0;
	root = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sub = root < 0 ? -1 : path_open_nolinks(root, g.subdir, O_RDONLY | O_DIRECTORY, 0);
	if (sub < 0)
		return err_sys(e, ERR_INPUT, errno, "directory %s of the repository", g.subdir);
	AUTO_FREE char *top = r->dir;

	r->dir = mem_printf("%s/%s", top, g.subdir);
	return 0;
}

static int fetch_step(struct build *b, struct plan_stage *st, struct plan_step *s, struct err *e)
{
	for (size_t i = 0; i < s->copy.remotes.n; i++) {
		struct plan_remote *r = &s->copy.remotes.v[i];

		if ((r->git ? fetch_repo(b, r, e) : fetch_file(b, r, e)) == 0)
			continue;
		err_wrap(e, "stage %s: ADD %s", st->name, r->url);
		return s->pos.line ? dparse_err_at(b->plan->sources.v[st->source]->file, s->pos, e) : -1;
	}
	return 0;
}

int remote_fetch_all(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->plan->stages.n; i++) {
		struct plan_stage *st = &b->plan->stages.v[i];

		for (size_t k = 0; st->evaluated && k < st->steps.n; k++)
			if (fetch_step(b, st, &st->steps.v[k], e) < 0)
				return -1;
	}
	return 0;
}

/* --- the copy --- */

static char *blob_path(const struct build *b, const struct digest *d)
{
	return mem_printf("%s/blobs/%s/%s", store_root(b->s->store),
			  digest_alg(d) == HASH_SHA512 ? "sha512" : "sha256", digest_hex(d));
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

int remote_copy(const struct build *b, const struct plan_copy *pc, const struct copyto *to, struct err *e)
{
	for (size_t i = 0; i < pc->remotes.n; i++) {
		const struct plan_remote *r = &pc->remotes.v[i];
		struct copyto c = *to;

		c.from_root = false;
		c.sum = NULL;
		c.unpack = NULL;
		if ((r->git ? copy_repo(r, &c, e) : copy_file(b, r, &c, e)) < 0)
			return err_wrap(e, "%s", r->url);
	}
	return 0;
}
