#include "src/build/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/build/noproc.h"
#include "src/util/io.h"
#include "src/util/log.h"
#include "src/util/mem.h"

/* A line longer than this is cut for the tail; the log has all of it. */
#define TAIL_LINE_MAX ((size_t)1000)
/* A step that writes without end must not fill the disk; the display goes on. */
#define LOG_MAX_BYTES ((uint64_t)1 << 30)
#define READ_BYTES    ((size_t)64 << 10)

static void keep_line(struct step_job *j)
{
	if (j->tail.n == STATE_TAIL_LINES) {
		free(j->tail.v[0]);
		memmove(j->tail.v, j->tail.v + 1, --j->tail.n * sizeof *j->tail.v);
	}
	noproc_line(j, buf_str(&j->line));
	strv_take(&j->tail, log_mask(buf_str(&j->line), j->line.n, false));
	buf_clear(&j->line);
	j->line.over = false;
}

static void keep_tail(struct step_job *j, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			keep_line(j);
		else if (j->line.n < TAIL_LINE_MAX)
			buf_char_add(&j->line, p[i]);
	}
}

static void end_log(struct step_job *j, const char *why)
{
	session_warn(j->b->s, state_short_name(j->st), "log %s ends here: %s", j->log_path, why);
	close(j->log_fd);
	j->log_fd = -1;
}

static void write_log(struct step_job *j, const char *p, size_t n)
{
	struct err e = ERR_INIT;

	if (j->log_fd < 0)
		return;
	j->logged += n;
	if (j->logged > LOG_MAX_BYTES)
		end_log(j, "it is larger than 1 GiB");
	else if (io_write_all(j->log_fd, p, n, j->log_path, &e) < 0)
		end_log(j, e.msg);
	err_release(&e);
}

/* Output as everybody gets to see it. */
static void take(struct step_job *j, const char *p, size_t n)
{
	if (!n)
		return;
	write_log(j, p, n);
	keep_tail(j, p, n);
	state_emit(j->b, &(struct event){.kind = EVENT_OUTPUT,
					 .stage = state_short_name(j->st),
					 .n = j->def->n,
					 .text = p,
					 .text_len = n});
}

static void take_masked(struct step_job *j, const char *p, size_t n)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (!j->mask) {
		take(j, p, n);
		return;
	}
	if (n)
		maskstream_feed(j->mask, p, n, &text);
	else
		maskstream_end(j->mask, &text);
	take(j, text.p, text.n);
}

static bool read_some(struct step_job *j)
{
	char p[READ_BYTES];
	ssize_t n = read(j->out_fd, p, sizeof p);

	if (n < 0)
		return errno == EINTR;
	if (n == 0)
		return false;
	take_masked(j, p, (size_t)n);
	return true;
}

static void on_output(void *arg, uint32_t events)
{
	struct step_job *j = arg;

	(void)events;
	if (!read_some(j) && errno != EAGAIN) {
		loop_remove(j->b->s->loop, j->on_out);
		j->on_out = NULL;
	}
}

void output_drain(struct step_job *j)
{
	while (j->out_fd >= 0 && read_some(j))
		;
	if (j->mask)
		take_masked(j, NULL, 0);
	if (j->line.n)
		keep_line(j);
}

/* "FLAVOR/STAGE" may hold a slash: file names use a dot. */
static char *log_name(const struct step_job *j)
{
	AUTO_FREE char *stage = mem_strdup(j->st->name);

	for (char *p = stage; *p; p++)
		if (*p == '/' || *p == ':')
			*p = '.';
	return mem_printf("%s/%s.%u.log", j->b->log_dir, stage, j->def->n);
}

int output_open(struct step_job *j, struct err *e)
{
	int p[2];

	j->line = BUF_INIT(TAIL_LINE_MAX + 16);
	/* Secrets come into a step by no way of ours; but it may print what it got otherwise, and logs outlive it. */
	j->mask = maskstream_of_secrets(READ_BYTES);
	j->log_path = log_name(j);
	j->log_fd = open(j->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (j->log_fd < 0)
		return err_sys(e, ERR_HOST, errno, "log %s", j->log_path);
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "pipe for the step's output");
	j->out_fd = p[0];
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	j->on_out = loop_add_fd(j->b->s->loop, p[0], EPOLLIN, on_output, j, e);
	if (!j->on_out) {
		close(p[1]);
		return -1;
	}
	return p[1];
}

void output_explain(struct step_job *j, struct err *e)
{
	AUTO_FREE char *tail = strv_join(&j->tail, "\n");

	if (j->tail.n)
		err_excerpt(e, tail);
	if (j->log_path && j->tail.n && !e->hint) /* a remedy is worth more */
		err_hint(e, "the whole output is in %s", j->log_path);
}
