/* How the operands of an instruction are cut into words. Offsets are those of the logical line. */
#ifndef SLCT_DWORDS_H
#define SLCT_DWORDS_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/sv.h"
#include "src/util/vec.h"

struct dwords_item {
	struct sv v; /* into the line */
	size_t at;
};

struct dwords {
	VEC_OF(struct dwords_item) items;
};

void dwords_release(struct dwords *w);
#define AUTO_DWORDS AUTO(dwords_release)

/* At runs of blanks (dchar_blank). v is a part of the line that starts at offset at. */
void dwords_blank(struct dwords *w, struct sv v, size_t at);
/* At white space that is neither quoted nor escaped; quotes and escapes stay in the words. */
void dwords_quoted(struct dwords *w, struct sv v, size_t at, char escape);
/* One leading "--flag" of v: its text without quotes and escapes (always by backslash) is appended to out, the number
 * of bytes used is returned; 0 if v begins with none. "--" alone gives 2 and an empty out: it ends the flags. */
size_t dwords_flag(struct sv v, struct buf *out);

/* A JSON list of strings and nothing else. */
enum dwords_json {
	DWORDS_JSON_LIST,  /* items appended: decoded text in *text, one item each */
	DWORDS_JSON_MIXED, /* JSON, but not only strings */
	DWORDS_JSON_NONE,  /* no JSON list */
};
struct dwords_string {
	size_t from, n; /* in the decoded text */
	size_t at;	/* of the opening quote in the line */
};
struct dwords_list {
	struct buf text;
	VEC_OF(struct dwords_string) items;
};
enum dwords_json dwords_json(struct sv v, size_t at, struct dwords_list *out);
void dwords_list_release(struct dwords_list *l);

#endif
