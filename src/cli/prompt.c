/* Questions on the terminal. */
#include "src/cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/io.h"
#include "src/util/mem.h"

enum { PROMPT_CTRL_C = 3, PROMPT_CTRL_D = 4, PROMPT_BACKSPACE = 8, PROMPT_CTRL_U = 21, PROMPT_DELETE = 127 };

/* Bytes come one by one and ^C is a byte: the terminal is never left without its echo. */
static void prompt_raw(int tty, const struct termios *old)
{
	struct termios raw = *old;

	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(tty, TCSAFLUSH, &raw);
}

/* 1: the line is complete; 0: go on; -1. */
static int prompt_key(struct buf *line, unsigned char key, struct err *e)
{
	switch (key) {
	case '\r':
	case '\n':
	case PROMPT_CTRL_D:
		return 1;
	case PROMPT_CTRL_C:
		err_set(e, ERR_CANCELLED, "cancelled");
		e->sys = SIGINT;
		return -1;
	case PROMPT_CTRL_U:
		buf_clear(line);
		return 0;
	case PROMPT_BACKSPACE:
	case PROMPT_DELETE:
		if (line->n)
			line->p[--line->n] = 0;
		return 0;
	default:
		buf_char_add(line, (char)key);
		return 0;
	}
}

static int prompt_read(int tty, struct buf *line, struct err *e)
{
	unsigned char key;
	int rc = 0;

	while (!rc) {
		ssize_t n = read(tty, &key, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, ERR_HOST, errno, "terminal") : 0;
		rc = prompt_key(line, key, e);
	}
	return rc < 0 ? -1 : 0;
}

static int prompt_question(int tty, const char *text, struct buf *line, struct err *e)
{
	return io_write_all(tty, text, strlen(text), "terminal", e) || prompt_read(tty, line, e) ? -1 : 0;
}

static int prompt_line(int tty, const char *text, bool secret, struct buf *line, struct err *e)
{
	struct termios old;
	int rc;

	if (!secret || tcgetattr(tty, &old) < 0)
		return prompt_question(tty, text, line, e);
	prompt_raw(tty, &old); /* before the question: nobody types earlier */
	rc = prompt_question(tty, text, line, e);
	tcsetattr(tty, TCSAFLUSH, &old);
	return io_write_all(tty, "\n", 1, "terminal", e) || rc ? -1 : 0;
}

char *prompt_ask(const char *text, bool secret, struct err *e)
{
	AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	AUTO_BUF struct buf line = BUF_INIT(PROMPT_MAX);
	char *answer;

	if (tty < 0) {
		err_set(e, ERR_USAGE, "there is no terminal to ask for it");
		return NULL;
	}
	if (prompt_line(tty, text, secret, &line, e))
		return NULL;
	if (line.over || !line.n) {
		err_set(e, ERR_USAGE, line.over ? "the answer is too long" : "the answer is empty");
		return NULL;
	}
	answer = mem_strndup(line.p, line.n);
	explicit_bzero(line.p, line.cap);
	return answer;
}
