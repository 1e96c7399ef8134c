#include "src/cli/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/cache/inputs.h"
#include "src/cli/page.h"
#include "src/util/io.h"
#include "src/util/mem.h"

#define OBSERVE_COMMAND_MAX ((size_t)64 << 10)

/* A new file takes the place of an old one, so its directory counts; what is no file is written itself. */
static int observe_check(const char *option, const char *file, struct err *e)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	AUTO_FREE char *dir = slash ? mem_strndup(file, slash == file ? 1 : (size_t)(slash - file)) : mem_strdup(".");
	bool special = file && io_is_special(file);

	if (!file || access(special ? file : dir, W_OK) == 0)
		return 0;
	return err_sys(e, ERR_HOST, errno, "%s: %s", option, special ? file : dir);
}

int observe_init(struct observe *o, const char *trace_file, const char *report_file, struct err *e)
{
	*o = (struct observe){.trace_file = trace_file, .report_file = report_file};
	trace_init(&o->trace, NULL);
	runlog_init(&o->log, NULL);
	return observe_check("--trace", trace_file, e) || observe_check("--report", report_file, e) ? -1 : 0;
}

bool observe_wants_facts(const struct observe *o)
{
	return o->report_file != NULL;
}

void observe_attach(struct observe *o, struct session *s, bool shown)
{
	o->session = s;
	o->outer = s->sink;
	if (o->trace_file) {
		o->trace.inner = s->sink;
		s->sink = &o->trace.sink;
	}
	if (o->report_file) {
		o->log.inner = s->sink;
		o->log.hide_why = !shown;
		s->sink = &o->log.sink;
	}
}

void observe_detach(struct observe *o)
{
	/* Whoever has closed the display meanwhile (a shell on the terminal) has taken our sinks away with it. */
	if (o->session && o->session->sink)
		o->session->sink = o->outer;
	o->session = NULL;
}

/* --- the report --- */

/* Where the value begins that a secret-looking name says to hide, as in TOKEN=… or --build-arg=TOKEN=…; NULL: nowhere.
 */
static const char *observe_hidden(const char *arg)
{
	for (const char *name = arg, *eq; (eq = strchr(name, '=')); name = eq + 1) {
		AUTO_FREE char *text = mem_strndup(name, (size_t)(eq - name));

		if (eq[1] && inputs_is_secret(text))
			return eq + 1;
	}
	return NULL;
}

static bool observe_is_plain(const char *arg)
{
	for (const char *p = arg; *p; p++)
		if (!strchr("-_=./:,@%+*", *p) && !(*p >= '0' && *p <= '9') && !(*p >= 'a' && *p <= 'z') &&
		    !(*p >= 'A' && *p <= 'Z'))
			return false;
	return arg[0] != '\0';
}

/* One argument as a shell would need it. */
static void observe_argument(const char *arg, struct buf *out)
{
	const char *hidden = observe_hidden(arg), *quote = observe_is_plain(arg) ? "" : "'";

	buf_printf(out, "%s%s%.*s%s%s", out->n ? " " : "", quote, hidden ? (int)(hidden - arg) : (int)strlen(arg), arg,
		   hidden ? INPUTS_MASK : "", quote);
}

/* As the list of processes has it: passwords of options are blotted out there (secretargs.h). */
static char *observe_command(void)
{
	AUTO_BUF struct buf raw = BUF_INIT(OBSERVE_COMMAND_MAX), out = BUF_INIT(2 * OBSERVE_COMMAND_MAX);
	AUTO_CLOSE int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char *to = buf_reserve(&raw, OBSERVE_COMMAND_MAX - 1);
	struct err ignored = ERR_INIT;
	ssize_t n = fd < 0 ? 0 : io_read_full(fd, to, OBSERVE_COMMAND_MAX - 1, "/proc/self/cmdline", &ignored);

	err_release(&ignored);
	if (n > 0)
		buf_used(&raw, (size_t)n);
	for (size_t at = 0; at < raw.n; at += strlen(raw.p + at) + 1)
		observe_argument(at ? raw.p + at : "slct", &out);
	return buf_steal(&out);
}

static int observe_write_report(struct observe *o, const struct build_result *r, const struct err *failure,
				const char *store, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(PAGE_MAX_BYTES);
	AUTO_FREE char *command = observe_command(), *directory = realpath(".", NULL);
	const struct page_opts p = {.log = &o->log,
				    .result = r,
				    .failure = failure,
				    .command = command,
				    .store = store,
				    .directory = directory};

	if (!o->report_file)
		return 0;
	runlog_end(&o->log);
	return page_make(&p, &text, e) || io_write_output(o->report_file, text.p, text.n, e) ? err_wrap(e, "--report")
											     : 0;
}

int observe_write(struct observe *o, const struct build_result *r, const struct err *failure, const char *store,
		  struct err *e)
{
	int rc = o->trace_file ? trace_write(&o->trace, o->trace_file, e) : 0;
	struct err second = ERR_INIT;

	if (observe_write_report(o, r, failure, store, rc ? &second : e))
		rc = -1;
	err_release(&second);
	return rc;
}

void observe_release(struct observe *o)
{
	observe_detach(o);
	trace_release(&o->trace);
	runlog_release(&o->log);
}
