/* The syntax tree of a Dockerfile: a list of instructions, each with what was written and where. Nothing is expanded in
 * it; src/dockerfile/dargs.h makes an expanded copy of one instruction for an environment.
 *
 * Strings are owned by the node, NUL-terminated. Lines and columns count from 1; a column counts bytes. Only words of a
 * JSON list may hold a NUL character (a JSON escape), which dparse_check() refuses: after it, `s` is the whole word. */
#ifndef SLCT_DAST_H
#define SLCT_DAST_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

enum dast_kind {
	DAST_UNKNOWN = 0, /* only between dparse_syntax() and dparse_check(), and as trigger of an ONBUILD */
	DAST_FROM,
	DAST_RUN,
	DAST_CMD,
	DAST_LABEL,
	DAST_MAINTAINER,
	DAST_EXPOSE,
	DAST_ENV,
	DAST_ADD,
	DAST_COPY,
	DAST_ENTRYPOINT,
	DAST_VOLUME,
	DAST_USER,
	DAST_WORKDIR,
	DAST_ARG,
	DAST_ONBUILD,
	DAST_STOPSIGNAL,
	DAST_HEALTHCHECK,
	DAST_SHELL,
	DAST_KINDS,
};

struct dast_pos {
	unsigned line, col;
};

struct dast_word {
	char *s;
	size_t n;
	struct dast_pos pos;
	unsigned heredoc; /* source of ADD and COPY: it stands for heredocs.v[heredoc - 1]; 0: an ordinary word */
};

/* --name or --name=value; quotes and escapes are removed from the value, variables are not expanded. */
struct dast_flag {
	char *name;  /* without the dashes */
	char *value; /* NULL: no "=" */
	struct dast_pos pos;
};

/* One item of ENV, LABEL or ARG. */
struct dast_pair {
	char *key;
	char *value; /* NULL: ARG without a default. Quotes and escapes are still in it. */
	char sep;    /* '=', or ' ' in the old form `ENV key rest of the line` */
	struct dast_pos pos;
};

struct dast_heredoc {
	char *name;    /* terminator, quotes removed */
	char *content; /* as written, with the final newline; leading tabs still there even if chomp */
	size_t content_n;
	unsigned fd; /* `3<<EOF`; 0 if none was written */
	bool expand; /* no quotes in the terminator: variables of COPY and ADD content are expanded */
	bool chomp;  /* `<<-`: leading tabs are to be removed (dast_heredoc_text does) */
	struct dast_pos pos;
};

/* Fields of HEALTHCHECK; durations in nanoseconds, 0 where not given (inherit). */
struct dast_health {
	bool none;
	int64_t interval, timeout, start_period, start_interval;
	unsigned retries;
};

struct dast_file;

struct dast_instr {
	enum dast_kind kind;
	const struct dast_file *file; /* borrowed, for error places; NULL for an instruction parsed alone */
	char *written;		      /* the keyword as written */
	char *original; /* the whole instruction, continuation lines joined, comments left out, without heredoc bodies
			 */
	unsigned first_line, last_line;
	struct dast_pos pos; /* of the keyword */
	char escape;	     /* the file's escape character, '\\' or '`' */
	bool json;	     /* words came from a JSON list (exec form) */
	bool gap;	     /* an empty line stood between its continued lines: worth a warning */
	bool json_failed; /* began with '[' but is no list of strings, so it is taken as shell text: worth a warning */
	VEC_OF(struct dast_flag) flags;
	/* RUN CMD ENTRYPOINT SHELL: argv if json, else one word, the shell text. ADD COPY: sources and destination.
	 * FROM: image [AS name]. HEALTHCHECK: "CMD"|"NONE", then as CMD. ENV LABEL: none, see pairs. ARG: as written,
	 * and pairs. ONBUILD: none, see inner. Others: the operands. */
	VEC_OF(struct dast_word) words;
	VEC_OF(struct dast_heredoc) heredocs;
	VEC_OF(struct dast_pair) pairs;
	struct dast_health health;
	struct dast_instr *inner; /* ONBUILD: the trigger, parsed; its heredocs are its own copies */
	char *trigger;		  /* ONBUILD: text for the config's OnBuild, with heredoc bodies (after dparse_check) */
};

struct dast_file {
	char *name; /* for error places */
	char *text; /* the bytes, for excerpts; NUL-terminated */
	size_t text_n;
	char escape;
	char *syntax; /* value of "# syntax=", or NULL */
	char *check;  /* value of "# check=", or NULL */
	VEC_OF(struct dast_instr *) instrs;
};

/* What is known about an instruction. */
struct dast_flag_info {
	const char *name;
	enum { DAST_FLAG_END, DAST_FLAG_STRING, DAST_FLAG_LIST, DAST_FLAG_BOOL } type;
	bool expanded; /* variables in its value are expanded */
};

enum dast_expand {
	DAST_EXPAND_NONE,  /* words are left as they are (RUN CMD ENTRYPOINT SHELL HEALTHCHECK ONBUILD MAINTAINER) */
	DAST_EXPAND_WORD,  /* each word gives one word (ADD COPY STOPSIGNAL USER VOLUME WORKDIR) */
	DAST_EXPAND_SPLIT, /* each word may give several (EXPOSE) */
	DAST_EXPAND_PAIRS, /* keys and values (ENV LABEL) */
	DAST_EXPAND_ARG,   /* values one after another, keys never, each seeing the ones before (ARG) */
	DAST_EXPAND_FROM,  /* the image only, with the global scope */
};

struct dast_info {
	const char *name; /* upper case */
	const struct dast_flag_info *flags;
	enum dast_expand expand;
	bool heredoc;	   /* may carry here-documents */
	bool heredoc_vars; /* variables in unquoted here-documents are expanded by the builder (ADD COPY) */
};

const struct dast_info *dast_info(enum dast_kind kind); /* never NULL; kind UNKNOWN has the name "?" */
enum dast_kind dast_kind_from_name(const char *name);	/* any case; DAST_UNKNOWN if there is none */
/* Nearest known instruction (flag of an instruction) by edit distance, for hints; NULL if nothing is near. */
const char *dast_nearest(const char *name);
const char *dast_nearest_flag(enum dast_kind kind, const char *name);

/* Value of the last flag of that name; NULL if absent. A flag without "=" gives "". */
const char *dast_flag(const struct dast_instr *in, const char *name);
/* A bool flag: absent and "false" are false. */
bool dast_flag_bool(const struct dast_instr *in, const char *name);
/* i-th value of a flag that may be repeated (mount, exclude); NULL at the end. */
const char *dast_flag_nth(const struct dast_instr *in, const char *name, size_t i);
/* The here-document that the i-th word of ADD or COPY stands for, or NULL (after dparse_check). */
const struct dast_heredoc *dast_heredoc_of(const struct dast_instr *in, size_t i);
/* Content with leading tabs removed if chomp; caller frees. */
char *dast_heredoc_text(const struct dast_heredoc *h);
/* The command of RUN, CMD, ENTRYPOINT and HEALTHCHECK CMD as argv; shell form gets the shell in front (NULL or empty:
 * /bin/sh -c). Words of HEALTHCHECK start after its type. Here-documents are not applied. */
void dast_argv(const struct dast_instr *in, const struct strv *shell, struct strv *out);

struct dast_instr *dast_instr_new(void);
struct dast_instr *dast_instr_copy(const struct dast_instr *in); /* deep */
void dast_instr_free(struct dast_instr *in);
void dast_file_free(struct dast_file *f);
/* Append a word, copied; replace the text of a string that a node owns by s, which passes to it. */
void dast_word_add(struct dast_instr *in, struct sv s, struct dast_pos pos);
void dast_replace(char **at, char *s);

/* The instruction as it was written (not expanded), on one line, keyword in upper case, with the bodies of its
 * here-documents. Parsing it again with the same escape character gives the same node but for positions. */
void dast_print(const struct dast_instr *in, struct buf *out);

static inline void dast_instr_freep(struct dast_instr **p)
{
	dast_instr_free(*p);
}
static inline void dast_file_freep(struct dast_file **p)
{
	dast_file_free(*p);
}
#define AUTO_DAST_INSTR AUTO(dast_instr_freep)
#define AUTO_DAST_FILE	AUTO(dast_file_freep)

#endif
