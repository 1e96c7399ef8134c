/* Diagnostics on standard error, for -v; results and progress do not go through here. Text from outside is stripped of
 * control sequences, and known secrets are masked. */
#ifndef SLCT_LOG_H
#define SLCT_LOG_H

#include "src/util/base.h"
#include "src/util/buf.h"
#include "src/util/vec.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_WARN */
bool log_on(enum log_level level);
/* "slct: warning: ..." and the like; one write per line. */
void log_msg(enum log_level level, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Where the lines go (the display hooks in here); NULL: standard error. */
void log_set_sink(void (*fn)(void *arg, enum log_level level, const char *line), void *arg);
/* Remember a secret: every later log_mask() replaces it with "***". Secrets shorter than 4 bytes are not masked. */
void log_add_secret(const char *s);
/* All of them; borrowed until the next is added. */
const struct strv *log_secrets(void);
/* s with secrets masked and control sequences removed (SGR colours kept if keep_colour); caller frees. */
char *log_mask(const char *s, size_t n, bool keep_colour);

#endif
