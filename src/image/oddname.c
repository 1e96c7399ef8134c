#include "src/image/oddname.h"

#include <string.h>

#include "src/util/utf8.h"

const char *oddname_why(const char *path)
{
	const unsigned char *p = (const unsigned char *)path;

	if (strlen(path) > ODDNAME_PATH_MAX)
		return "a very long path";
	if (utf8_bad(sv_from(path)) >= 0)
		return "bytes that are not UTF-8";
	for (; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return "a control character";
		if (*p == '\\')
			return "a backslash";
	}
	return NULL;
}
