/* Which layers a tree has inodes of. */
#include "oci/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "src/util/buf.h"
#include "src/util/cleanup.h"
#include "src/util/sv.h"

/* SHA-256 in hex and a separator. */
#define SHARES_DIGITS	64
#define SHARES_TEXT_MAX ((size_t)SHARES_MAX * (SHARES_DIGITS + 1))

static bool shares_is_hex(struct sv s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return s.n == SHARES_DIGITS;
}

int shares_get(int dirfd, const char *tree, struct strv *out)
{
	AUTO_CLOSE int fd = openat(dirfd, tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char text[SHARES_TEXT_MAX];
	ssize_t n = fd < 0 ? -1 : fgetxattr(fd, SHARES_XATTR, text, sizeof text);

	if (fd < 0)
		return -1;
	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -1;
	for (struct sv rest = sv_of(text, (size_t)n); rest.n;) {
		struct sv one = sv_cut(&rest, '\n');

		if (!shares_is_hex(one))
			return -1;
		strv_take(out, sv_dup(one));
	}
	return 0;
}

int shares_set(int tree, const struct strv *layers, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(SHARES_TEXT_MAX);

	for (size_t i = 0; i < layers->n; i++)
		buf_printf(&text, "%s%s", i ? "\n" : "", layers->v[i]);
	if (text.over)
		return err_set(e, ERR_INTERNAL, "a tree that shares files with more than %d layers", SHARES_MAX);
	if (fsetxattr(tree, SHARES_XATTR, text.p, text.n, 0) < 0)
		return err_sys(e, ERR_HOST, errno, "attribute %s", SHARES_XATTR);
	return 0;
}
