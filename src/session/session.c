#include "src/session/session.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "oci/layout_dir.h"
#include "src/sandbox/userns.h"
#include "src/util/mem.h"

static int open_rest(struct session *s, struct event_sink *sink, struct err *e)
{
	s->sink = sink;
	s->nsfd = -1;
	s->loop = loop_new(e);
	if (!s->loop) {
		store_close(s->store);
		s->store = NULL;
		return -1;
	}
	return 0;
}

static int open_with(struct session *s, const char *root, struct event_sink *sink,
		     struct store *(*open_store)(const char *, struct err *), struct err *e)
{
	AUTO_FREE char *dflt = root ? mem_strdup(root) : store_default_root();

	*s = (struct session){.want = TIER_AUTO, .nsfd = -1, .logs_fd = -1};
	s->store = open_store(dflt, e);
	return s->store ? open_rest(s, sink, e) : -1;
}

int session_open(struct session *s, const char *root, struct event_sink *sink, struct err *e)
{
	return open_with(s, root, sink, store_open, e);
}

int session_open_exclusive(struct session *s, const char *root, struct err *e)
{
	return open_with(s, root, NULL, store_open_exclusive, e);
}

void session_hold_dir(struct session *s, const char *path)
{
	struct session_hold h;

	for (size_t i = 0; i < s->held.n; i++)
		if (strcmp(s->held.v[i].path, path) == 0)
			return;
	h = (struct session_hold){.fd = layout_dir_hold(path)};
	if (h.fd < 0)
		return;
	h.path = mem_strdup(path);
	vec_push(&s->held, h);
}

static void release_held(struct session *s)
{
	for (size_t i = 0; i < s->held.n; i++) {
		close(s->held.v[i].fd);
		free(s->held.v[i].path);
	}
	vec_release(&s->held);
}

void session_close(struct session *s)
{
	release_held(s);
	loop_free(s->loop);
	if (s->nsfd >= 0)
		close(s->nsfd);
	if (s->logs_fd >= 0)
		close(s->logs_fd);
	if (s->tier_ready)
		tier_release(&s->tier);
	store_close(s->store);
	*s = (struct session){.nsfd = -1, .logs_fd = -1};
}

int session_need_tier(struct session *s, struct err *e)
{
	if (s->tier_ready)
		return 0;
	AUTO_FREE char *rel = NULL;

	/* of this session: what lies in tmp/ itself is swept by the next that begins */
	if (store_tmp_dir(s->store, "probe", &rel, e) < 0)
		return -1;
	AUTO_FREE char *scratch = mem_printf("%s/%s", store_root(s->store), rel);
	int rc = tier_probe(s->want, s->upper.wanted, scratch, &s->tier, e);

	unlinkat(store_fd(s->store), rel, AT_REMOVEDIR);
	if (rc == 0 && (s->tier.tier == TIER_RANGE || s->tier.tier == TIER_SOLO)) {
		s->nsfd = userns_open(&s->tier, e);
		if (s->nsfd < 0) {
			tier_release(&s->tier);
			rc = -1;
		}
	}
	if (rc == 0 && (s->tier.tier == TIER_CHROOT || s->tier.tier == TIER_NONE))
		s->nsfd = USERNS_STAY;
	s->tier_ready = rc == 0;
	return rc;
}

void session_warn(struct session *s, const char *stage, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (s->sink && text)
		s->sink->emit(s->sink, &(struct event){.kind = EVENT_WARNING, .stage = stage, .text = text});
}
