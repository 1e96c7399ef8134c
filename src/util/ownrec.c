/* Recorded owners. */
#include "src/util/ownrec.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "src/util/num.h"
#include "src/util/sv.h"

/* The kernel's dev_t: 12 bits of major, 20 of minor number. */
#define OWNREC_MAJOR_MAX 4095
#define OWNREC_MINOR_MAX 1048575

int ownrec_parse(const char *text, size_t n, struct ownrec *out)
{
	/* (uid_t)-1 is "no id" for the kernel. */
	static const struct {
		unsigned base;
		uint64_t max;
	} fields[] = {
		{10, UINT32_MAX - 1},	{10, UINT32_MAX - 1},	{8, 0177777},
		{10, OWNREC_MAJOR_MAX}, {10, OWNREC_MINOR_MAX},
	};
	uint64_t v[ARRAY_LEN(fields)] = {0};
	struct sv rest = sv_of(text, n);
	size_t i = 0;

	if (n == 0)
		return -1;
	while (rest.p) {
		if (i == ARRAY_LEN(fields) || num_parse(sv_cut(&rest, ':'), fields[i].base, fields[i].max, &v[i]) < 0)
			return -1;
		i++;
	}
	if (i != 2 && i != ARRAY_LEN(fields))
		return -1;
	*out = (struct ownrec){(uid_t)v[0], (gid_t)v[1], (mode_t)v[2], (unsigned)v[3], (unsigned)v[4]};
	return 0;
}

int ownrec_get(int fd, struct ownrec *out)
{
	char text[OWNREC_TEXT_MAX];
	ssize_t n = fgetxattr(fd, OWNREC_XATTR, text, sizeof(text));

	if (n < 0 && (errno == ENODATA || errno == ENOTSUP))
		return 0;
	if (n < 0 && errno != ERANGE)
		return -1;
	if (n < 0 || ownrec_parse(text, (size_t)n, out) < 0) {
		errno = EBADMSG;
		return -1;
	}
	return 1;
}

int ownrec_format(const struct ownrec *rec, char out[OWNREC_TEXT_MAX])
{
	struct ownrec back;
	int n;

	if (rec->mode)
		n = snprintf(out, OWNREC_TEXT_MAX, "%u:%u:%o:%u:%u", rec->uid, rec->gid, rec->mode, rec->major,
			     rec->minor);
	else
		n = snprintf(out, OWNREC_TEXT_MAX, "%u:%u", rec->uid, rec->gid);
	return n < OWNREC_TEXT_MAX && ownrec_parse(out, (size_t)n, &back) == 0 ? n : -1;
}

int ownrec_set(int fd, const struct ownrec *rec)
{
	char text[OWNREC_TEXT_MAX];
	int n = ownrec_format(rec, text);

	if (n < 0) {
		errno = EINVAL;
		return -1;
	}
	return fsetxattr(fd, OWNREC_XATTR, text, (size_t)n, 0);
}
