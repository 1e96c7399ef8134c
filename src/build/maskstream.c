#include "src/build/maskstream.h"

#include <string.h>

#include "src/util/log.h"
#include "src/util/mem.h"
#include "src/util/vec.h"

#define MASK "***"

void maskstream_init(struct maskstream *m, size_t max)
{
	*m = (struct maskstream){.held = BUF_INIT(max)};
}

void maskstream_release(struct maskstream *m)
{
	buf_release(&m->held);
	vec_release(m);
}

void maskstream_add(struct maskstream *m, const char *p, size_t n)
{
	size_t at;

	if (!n)
		return;
	vec_push(m, (struct maskstream_text){p, n});
	for (at = m->n - 1; at > 0 && m->v[at - 1].n < n; at--)
		m->v[at] = m->v[at - 1];
	m->v[at] = (struct maskstream_text){p, n};
	m->first[(unsigned char)p[0]] = true;
}

/* Length of the text that stands at p, 0 if none does; *cut: one may, but the input ends in it. */
static size_t match(const struct maskstream *m, const char *p, size_t left, bool *cut)
{
	*cut = false;
	if (!m->first[(unsigned char)p[0]])
		return 0;
	for (size_t i = 0; i < m->n; i++) {
		size_t n = m->v[i].n < left ? m->v[i].n : left;

		if (memcmp(p, m->v[i].p, n) != 0)
			continue;
		if (n == m->v[i].n)
			return n;
		*cut = true;
	}
	return 0;
}

static void run(struct maskstream *m, bool last, struct buf *out)
{
	const char *p = m->held.p;
	size_t n = m->held.n, at = 0;

	while (at < n) {
		bool cut;
		size_t len = match(m, p + at, n - at, &cut);

		if (cut && !last)
			break;
		if (len)
			buf_str_add(out, MASK);
		else
			buf_char_add(out, p[at]);
		at += len ? len : 1;
	}
	if (at)
		memmove(m->held.p, m->held.p + at, n - at);
	m->held.n = n - at;
}

struct maskstream *maskstream_of_secrets(size_t piece)
{
	const struct strv *secrets = log_secrets();
	size_t longest = 0;
	struct maskstream *m;

	if (!secrets->n)
		return NULL;
	for (size_t i = 0; i < secrets->n; i++)
		longest = strlen(secrets->v[i]) > longest ? strlen(secrets->v[i]) : longest;
	m = mem_new(struct maskstream);
	maskstream_init(m, longest + piece);
	for (size_t i = 0; i < secrets->n; i++)
		maskstream_add(m, secrets->v[i], strlen(secrets->v[i]));
	return m;
}

void maskstream_feed(struct maskstream *m, const char *p, size_t n, struct buf *out)
{
	buf_add(&m->held, p, n);
	run(m, false, out);
}

void maskstream_end(struct maskstream *m, struct buf *out)
{
	run(m, true, out);
}
