/* The directory /build_info of EXASLCT's images. */
#include "src/flavor/finfo.h"

#include <fcntl.h>

#include "src/flavor/template.h"
#include "src/util/io.h"

/* The next line of text that is no comment and has `word` in it. Lines that continue others count alone. */
static bool finfo_line(struct sv *text, const char *word, struct sv *line)
{
	while (text->n) {
		const char *end = memchr(text->p, '\n', text->n);
		size_t n = end ? (size_t)(end - text->p) : text->n;

		*line = sv_trim(sv_sub(*text, 0, n));
		*text = sv_sub(*text, end ? n + 1 : n, text->n);
		if (line->n && line->p[0] != '#' && memmem(line->p, line->n, word, strlen(word)))
			return true;
	}
	return false;
}

static bool finfo_read(const struct flavor_stage *s, struct buf *text)
{
	struct err ignored = ERR_INIT;
	bool read = io_read_file(AT_FDCWD, s->dockerfile, text, &ignored) == 0;

	err_release(&ignored);
	return read;
}

/* The stage that s stands on; NULL: an image, or nothing that can be told here. */
static const struct flavor_stage *finfo_below(const struct flavor *f, const struct flavor_stage *s, struct sv text)
{
	AUTO_STRV struct strv names = {0};
	struct sv line;

	while (finfo_line(&text, "FROM", &line)) {
		if (sv_ieq_str(sv_sub(line, 0, strlen("FROM")), "FROM"))
			template_names(line, &names);
	}
	for (size_t i = 0; names.n && i < s->nrequires; i++) {
		if (strcmp(s->requires[i].alias, names.v[names.n - 1]) == 0)
			return flavor_stage_find(f, s->requires[i].stage);
	}
	return NULL;
}

/* Whether the Dockerfiles of s and what is below it name the directory themselves. */
static bool finfo_has(const struct flavor *f, const struct flavor_stage *s)
{
	for (size_t depth = 0; s && depth < f->nstages; depth++) {
		AUTO_BUF struct buf buf = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
		struct sv line, text;

		if (!finfo_read(s, &buf))
			return true;
		text = buf_sv(&buf);
		if (finfo_line(&text, FINFO_DIR, &line))
			return true;
		s = finfo_below(f, s, buf_sv(&buf));
	}
	return false;
}

/* Whether a line of the Dockerfile copies the directory from the stage called alias there. */
static bool finfo_copies(struct sv text, const char *alias)
{
	struct sv line;

	while (finfo_line(&text, FINFO_DIR, &line)) {
		AUTO_STRV struct strv names = {0};

		template_names(line, &names);
		if (memmem(line.p, line.n, "--from=", strlen("--from=")) && strv_has(&names, alias))
			return true;
	}
	return false;
}

static bool finfo_needs(const struct flavor_stage *of, const char *stage)
{
	AUTO_BUF struct buf text = BUF_INIT(FLAVOR_DOCKERFILE_MAX_BYTES);
	bool read = false;

	for (size_t i = 0; i < of->nrequires; i++) {
		if (strcmp(of->requires[i].stage, stage) != 0)
			continue;
		read = read || finfo_read(of, &text);
		if (finfo_copies(buf_sv(&text), of->requires[i].alias))
			return true;
	}
	return false;
}

bool finfo_wanted(const struct flavor *f, const struct flavor_stage *s)
{
	bool wanted = false;

	for (size_t i = 0; f->form == FLAVOR_EXASLCT && !wanted && i < f->nstages; i++)
		wanted = finfo_needs(&f->stages[i], s->name);
	return wanted && !finfo_has(f, s);
}

void finfo_add(const struct flavor_stage *s, struct buf *out)
{
	buf_printf(out, "\nCOPY Dockerfile " FINFO_DIR "/dockerfiles/%s\n", s->name);
}
