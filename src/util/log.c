/* Diagnostics, and the cleaning of text from outside. */
#include "src/util/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "src/util/cleanup.h"
#include "src/util/mem.h"
#include "src/util/utf8.h"
#include "src/util/vec.h"

#define LOG_SECRET_MIN_BYTES 4
/* A line of a longer secret (a key file) is a secret of its own from this length on. */
#define LOG_SECRET_LINE_BYTES 8
#define LOG_ESC		      '\x1b'

/* Diagnostics are the one thing that every function may want without having it handed in. */
static struct {
	enum log_level level;
	void (*sink)(void *arg, enum log_level level, const char *line);
	void *sink_arg;
	struct strv secrets;
} log_state = {.level = LOG_WARN};

static const char *const log_prefix[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

bool log_on(enum log_level level)
{
	return level <= log_state.level;
}

void log_set_sink(void (*fn)(void *arg, enum log_level level, const char *line), void *arg)
{
	log_state.sink = fn;
	log_state.sink_arg = arg;
}

static void log_to_stderr(const char *line)
{
	AUTO_FREE char *text = mem_printf("%s\n", line);
	size_t n = strlen(text), done = 0;

	while (done < n) {
		ssize_t r = write(STDERR_FILENO, text + done, n - done);

		if (r <= 0)
			return; /* nowhere left to say so */
		done += (size_t)r;
	}
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	AUTO_FREE char *raw = NULL;
	AUTO_FREE char *clean = NULL;
	AUTO_FREE char *line = NULL;
	va_list ap;
	int n;

	if (!log_on(level))
		return;
	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0) {
		raw = NULL;
		return;
	}
	clean = log_mask(raw, (size_t)n, false);
	line = mem_printf("slct: %s: %s", log_prefix[level], clean);
	if (log_state.sink)
		log_state.sink(log_state.sink_arg, level, line);
	else
		log_to_stderr(line);
}

/* Length of a control string (OSC, DCS, APC, PM, SOS) at s[2..n), which BEL or ESC \ ends. One that does not end on its
 * line is only its introducer: else it would hide what follows. */
static size_t log_string_len(const char *s, size_t n)
{
	for (size_t i = 2; i < n && s[i] != '\n'; i++) {
		if (s[i] == '\a')
			return i + 1;
		if (s[i] == LOG_ESC && i + 1 < n && s[i + 1] == '\\')
			return i + 2;
	}
	return 2;
}

/* Length of the escape sequence at s[0] == ESC (ECMA-48, 5.3-5.6); *sgr tells whether it only sets colours. */
static size_t log_escape_len(const char *s, size_t n, bool *sgr)
{
	size_t i = 1;

	*sgr = false;
	if (n < 2)
		return 1;
	if (strchr("]PX^_", s[1]) && s[1])
		return log_string_len(s, n);
	if (s[1] == '[') {
		bool plain = true;

		for (i = 2; i < n && s[i] >= 0x20 && s[i] <= 0x3f; i++)
			plain = plain && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';' || s[i] == ':');
		if (i < n && s[i] >= 0x40 && s[i] <= 0x7e) {
			*sgr = plain && s[i] == 'm';
			i++;
		}
		return i;
	}
	while (i < n && s[i] >= 0x20 && s[i] <= 0x2f)
		i++;
	return i < n && s[i] >= 0x30 && s[i] <= 0x7e ? i + 1 : i;
}

/* Length of the printable thing at s: a character that is no control character (U+0080 to U+009F are, too), else 0. */
static size_t log_char_len(const char *s, size_t n)
{
	uint32_t c = 0;
	size_t len = utf8_len(sv_of(s, n), &c);

	if (c == '\n' || c == '\t')
		return 1;
	return len && (c < 0x20 || (c >= 0x7f && c < 0xa0)) ? 0 : len;
}

static void log_strip(const char *s, size_t n, bool keep_colour, struct buf *out)
{
	size_t i = 0;

	while (i < n) {
		size_t len = log_char_len(s + i, n - i);
		unsigned char c = (unsigned char)s[i];
		bool sgr;

		if (len) {
			buf_add(out, s + i, len);
		} else if (c == LOG_ESC) {
			len = log_escape_len(s + i, n - i, &sgr);
			if (sgr && keep_colour)
				buf_add(out, s + i, len);
		} else if (c == 0xc2 && i + 1 < n && ((unsigned char)s[i + 1] & 0xc0) == 0x80) {
			len = 2;
		} else if (c >= 0x80) {
			buf_str_add(out, UTF8_REPLACEMENT);
		}
		i += len ? len : 1;
	}
}

/* How much of s[0..n) the secret takes; colours between its bytes do not hide it. 0: it is not here. */
static size_t log_secret_len(const char *s, size_t n, const char *secret)
{
	size_t i = 0;
	bool sgr;

	while (*secret) {
		if (i < n && s[i] == *secret) {
			i++;
			secret++;
		} else if (i > 0 && i < n && s[i] == LOG_ESC) {
			i += log_escape_len(s + i, n - i, &sgr);
		} else {
			return 0;
		}
	}
	return i;
}

char *log_mask(const char *s, size_t n, bool keep_colour)
{
	struct buf clean AUTO_BUF = BUF_INIT(SIZE_MAX - 1);
	struct buf out = BUF_INIT(SIZE_MAX - 1);
	size_t i = 0;

	log_strip(s, n, keep_colour, &clean);
	while (i < clean.n) {
		size_t longest = 0;

		for (size_t k = 0; k < log_state.secrets.n; k++) {
			size_t len = log_secret_len(clean.p + i, clean.n - i, log_state.secrets.v[k]);

			longest = len > longest ? len : longest;
		}
		if (longest)
			buf_str_add(&out, "***");
		else
			buf_char_add(&out, clean.p[i]);
		i += longest ? longest : 1;
	}
	return buf_steal(&out);
}

/* As log_mask will see it: without control sequences. */
static void log_keep_secret(struct sv v, size_t min)
{
	struct buf clean AUTO_BUF = BUF_INIT(SIZE_MAX - 1);

	log_strip(v.p, v.n, false, &clean);
	if (clean.n >= min && !strv_has(&log_state.secrets, buf_str(&clean)))
		strv_add(&log_state.secrets, buf_str(&clean));
}

void log_add_secret(const char *s)
{
	struct sv rest = sv_trim(sv_from(s));

	log_keep_secret(rest, LOG_SECRET_MIN_BYTES);
	if (sv_find(rest, '\n') < 0)
		return;
	while (rest.p)
		log_keep_secret(sv_trim(sv_cut(&rest, '\n')), LOG_SECRET_LINE_BYTES);
}

const struct strv *log_secrets(void)
{
	return &log_state.secrets;
}
