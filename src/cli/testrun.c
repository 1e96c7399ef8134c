#include "src/cli/testrun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "src/util/clock.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define TESTRUN_LOG_MAX	   ((uint64_t)64 << 20)
#define TESTRUN_TAIL_BYTES 4096
#define TESTRUN_READ_BYTES 16384

static void testrun_free(struct testrun_test *t)
{
	for (size_t i = 0; i < t->job.nservices; i++)
		runimg_cmd_release(&t->services[i]);
	free(t->services);
	runimg_cmd_release(&t->job.main);
	free(t->job.dir);
	free(t->name);
	free(t->again);
	free(t->log);
	free(t->head);
	free(t->failure);
	free(t->kept);
	free(t);
}

void testrun_release(struct testrun *r)
{
	for (size_t i = 0; i < r->n; i++)
		testrun_free(r->v[i]);
	vec_release(r);
	free(r->log_dir);
}

/* --- output --- */

/* What does not fit any more is dropped, so that the test is not held up. */
static void testrun_keep(struct testrun_test *t, const char *data, size_t n)
{
	struct err ignored = ERR_INIT;
	off_t size = lseek(t->log_fd, 0, SEEK_CUR);

	if (t->run->stream && io_write_all(STDOUT_FILENO, data, n, "standard output", &ignored))
		err_release(&ignored);
	if (size >= 0 && (uint64_t)size < TESTRUN_LOG_MAX && io_write_all(t->log_fd, data, n, t->log, &ignored))
		err_release(&ignored);
}

/* n 0: there is no more. */
static void testrun_take(struct testrun_test *t, const char *data, size_t n)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);

	if (!t->mask) {
		testrun_keep(t, data, n);
		return;
	}
	if (n)
		maskstream_feed(t->mask, data, n, &text);
	else
		maskstream_end(t->mask, &text);
	testrun_keep(t, buf_str(&text), text.n);
}

static void testrun_unmask(struct testrun_test *t)
{
	if (!t->mask)
		return;
	testrun_take(t, NULL, 0);
	maskstream_release(t->mask);
	free(t->mask);
	t->mask = NULL;
}

static void testrun_on_output(void *arg, uint32_t events ATTR_UNUSED)
{
	struct testrun_test *t = arg;
	char data[TESTRUN_READ_BYTES];
	ssize_t n;

	while ((n = read(t->read_fd, data, sizeof data)) > 0)
		testrun_take(t, data, (size_t)n);
	if (n == 0) {
		loop_remove(t->run->s->loop, t->on_output);
		t->on_output = NULL;
	}
}

static char *testrun_log_name(const struct testrun_test *t)
{
	AUTO_FREE char *base = mem_strdup(t->name);

	for (char *p = base; *p; p++)
		if (*p == '/')
			*p = '.';
	return mem_printf("%s/test.%s.log", t->run->log_dir, base);
}

static void testrun_head(struct testrun_test *t)
{
	/* In pieces that the mask takes. */
	for (size_t at = 0, n = t->head ? strlen(t->head) : 0; at < n; at += TESTRUN_READ_BYTES)
		testrun_take(t, t->head + at, n - at < TESTRUN_READ_BYTES ? n - at : TESTRUN_READ_BYTES);
}

static int testrun_open(struct testrun_test *t, struct err *e)
{
	int pair[2];

	if (!t->log)
		t->log = testrun_log_name(t);
	t->log_fd = open(t->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (t->log_fd < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(e, ERR_HOST, errno, "%s", t->log);
	t->read_fd = pair[0];
	t->write_fd = pair[1];
	t->mask = maskstream_of_secrets(TESTRUN_READ_BYTES);
	testrun_head(t);
	fcntl(t->read_fd, F_SETFL, O_NONBLOCK);
	t->on_output = loop_add_fd(t->run->s->loop, t->read_fd, EPOLLIN, testrun_on_output, t, e);
	t->job.main.out_fd = t->write_fd;
	for (size_t i = 0; i < t->job.nservices; i++)
		t->services[i].out_fd = t->write_fd;
	return t->on_output ? 0 : -1;
}

static void testrun_close(struct testrun_test *t)
{
	int *fds[] = {&t->read_fd, &t->write_fd, &t->log_fd};

	if (t->on_output)
		testrun_on_output(t, 0);
	if (t->on_output)
		loop_remove(t->run->s->loop, t->on_output);
	t->on_output = NULL;
	testrun_unmask(t);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] > 0)
			close(*fds[i]);
		*fds[i] = 0;
	}
}

/* --- going on --- */

static void testrun_judge(struct testrun_test *t, const struct json *result, struct err *e)
{
	struct runimg_result r = {.status = 1};
	bool started = runimg_result(result, &r, e) == 0;

	t->started = started;
	t->status = r.signo ? 128 + r.signo : r.status;
	if (!started) {
		t->failure = mem_strdup(e->msg);
		err_release(e);
	} else if (r.timed_out) {
		t->failure = mem_strdup("took longer than its timeout");
	} else if (r.oom) {
		t->failure = mem_strdup("out of memory");
	} else if (r.signo) {
		t->failure = mem_printf("killed by signal %d (%s)", r.signo, strsignal(r.signo));
	} else if (r.status) {
		t->failure = mem_printf("exit status %d", r.status);
	}
}

static void testrun_start(struct testrun *r);

static void testrun_on_done(void *ctx, const struct json *result, struct err *e)
{
	struct testrun_test *t = ctx;
	struct testrun *r = t->run;

	testrun_judge(t, result, e);
	t->elapsed_ns = clock_mono() - t->begun;
	t->ran = !r->s->interrupted;
	testrun_close(t);
	r->busy--;
	r->failed += t->failure != NULL;
	if (t->ran)
		r->done(t, r->arg);
	testrun_start(r);
}

static void testrun_start(struct testrun *r)
{
	while (r->busy < r->jobs && r->next < r->n && !r->s->interrupted) {
		struct testrun_test *t = r->v[r->next++];
		struct err e = ERR_INIT;

		t->run = r;
		t->begun = clock_mono();
		r->busy++;
		if (testrun_open(t, &e) == 0 && runimg_start(&t->job, testrun_on_done, t, &e)) {
			close(t->write_fd);
			t->write_fd = 0;
			continue;
		}
		testrun_on_done(t, NULL, &e);
		return;
	}
	if (!r->busy)
		loop_stop(r->s->loop);
}

static void testrun_on_signal(void *arg, int signo)
{
	struct testrun *r = arg;

	r->s->interrupted = true;
	r->s->signo = signo;
	worker_kill_all(r->s);
}

int testrun_all(struct testrun *r, struct err *e)
{
	static const int signos[] = {SIGINT, SIGTERM};
	struct loop_src *sig = loop_add_signals(r->s->loop, signos, ARRAY_LEN(signos), testrun_on_signal, r, e);
	int rc = 0;

	if (!sig)
		return -1;
	testrun_start(r);
	while (rc == 0 && r->busy)
		rc = loop_run(r->s->loop, e);
	loop_remove(r->s->loop, sig);
	if (rc == 0 && r->s->interrupted) {
		rc = err_set(e, ERR_CANCELLED, "the tests were cancelled");
		e->sys = r->s->signo == SIGTERM ? SIGTERM : 0;
	}
	return rc;
}

/* --- reports --- */

void testrun_tail(const struct testrun_test *t, struct buf *out)
{
	AUTO_CLOSE int fd = t->log ? open(t->log, O_RDONLY | O_CLOEXEC) : -1;
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END),
	      from = size > TESTRUN_TAIL_BYTES ? size - TESTRUN_TAIL_BYTES : 0;
	char data[TESTRUN_TAIL_BYTES];
	ssize_t n = fd < 0 ? 0 : pread(fd, data, sizeof data, from);

	if (n > 0)
		buf_add(out, data, (size_t)n);
}

/* Text of an element or attribute; what XML 1.0 has no character for becomes "?". */
static void testrun_xml(const char *s, size_t n, struct buf *out)
{
	static const struct {
		char c;
		const char *entity;
	} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};

	for (size_t i = 0; i < n; i++) {
		const char *entity = NULL;
		unsigned char c = (unsigned char)s[i];

		for (size_t k = 0; k < ARRAY_LEN(entities); k++)
			if (entities[k].c == s[i])
				entity = entities[k].entity;
		if (entity)
			buf_str_add(out, entity);
		else
			buf_char_add(out, (c < 32 && c != '\n' && c != '\t') || c >= 127 ? '?' : s[i]);
	}
}

static void testrun_junit_case(const struct testrun_test *t, struct buf *out)
{
	AUTO_BUF struct buf tail = BUF_INIT(BUF_TEXT_MAX);
	const char *slash = strchr(t->name, '/');

	buf_str_add(out, "  <testcase classname=\"");
	testrun_xml(t->name, (size_t)(slash - t->name), out);
	buf_str_add(out, "\" name=\"");
	testrun_xml(slash + 1, strlen(slash + 1), out);
	buf_printf(out, "\" time=\"%.3f\">\n", (double)t->elapsed_ns / 1e9);
	testrun_tail(t, &tail);
	if (t->failure) {
		buf_str_add(out, "    <failure message=\"");
		testrun_xml(t->failure, strlen(t->failure), out);
		buf_str_add(out, "\"/>\n");
	}
	buf_str_add(out, "    <system-out>");
	testrun_xml(buf_str(&tail), tail.n, out);
	buf_str_add(out, "</system-out>\n  </testcase>\n");
}

void testrun_junit(const struct testrun *r, const char *suite, struct buf *out)
{
	buf_str_add(out, "<testsuite name=\"");
	testrun_xml(suite, strlen(suite), out);
	buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n", r->n, r->failed);
	for (size_t i = 0; i < r->n; i++)
		testrun_junit_case(r->v[i], out);
	buf_str_add(out, "</testsuite>\n");
}

struct json *testrun_json(const struct testrun *r)
{
	struct json *j = json_new_object(), *list = json_new_array();

	for (size_t i = 0; i < r->n; i++) {
		struct json *one = json_new_object();

		json_set_str(one, "name", r->v[i]->name);
		json_set_bool(one, "passed", r->v[i]->ran && !r->v[i]->failure);
		json_set_str(one, "failure", r->v[i]->failure);
		json_set_int(one, "elapsed_ms", r->v[i]->elapsed_ns / 1000000);
		json_set_str(one, "log", r->v[i]->log);
		json_set_str(one, "kept", r->v[i]->kept);
		json_append(list, one);
	}
	json_set(j, "tests", list);
	json_set_int(j, "failed", (int64_t)r->failed);
	return j;
}
