/* HTML text in a buffer. All text from outside goes through html_text(), which is the one place that cleans, masks and
 * escapes: what it writes is right as the content of an element and as the value of an attribute in double quotes, in
 * HTML and in SVG within it. */
#ifndef SLCT_HTML_H
#define SLCT_HTML_H

#include "src/util/buf.h"

/* Secrets masked (log_mask), control sequences and invalid UTF-8 removed, & < > " ' as references. NULL: nothing. */
void html_text(struct buf *out, const char *s);
void html_textn(struct buf *out, const char *s, size_t n);
/* The same for an instruction or command line, without what looks secret by its name (inputs_mask_text). */
void html_command(struct buf *out, const char *s);
/* The same for at most max characters (not bytes), the last one then "…". */
void html_short(struct buf *out, const char *s, size_t max);
/* Number of characters of valid UTF-8. */
size_t html_width(const char *s);

/* <TAG CLASS>TEXT</TAG> */
void html_element(struct buf *out, const char *tag, const char *class_name, const char *text);

#endif
