/* Names inside a hostile tar. Pure. */
#include "oci/apply_path.h"

#include "oci/limits.h"
#include "src/util/sv.h"

#define WHITEOUT	".wh."
#define WHITEOUT_META	".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

char *apply_path_clean(const char *raw, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(LAYER_PATH_MAX - 1);
	struct sv rest = sv_from(raw);
	unsigned depth = 0;

	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (part.n == 0 || sv_eq_str(part, "."))
			continue;
		if (sv_eq_str(part, "..")) {
			err_set(e, ERR_INPUT, "%.200s: \"..\" in a name of the tar", raw);
			return NULL;
		}
		if (out.n)
			buf_char_add(&out, '/');
		buf_sv_add(&out, part);
		depth++;
	}
	if (out.over) {
		err_set(e, ERR_INPUT, "%.200s...: a path of %zu bytes; at most %d are possible", raw, strlen(raw),
			LAYER_PATH_MAX - 1);
		return NULL;
	}
	if (depth > LAYER_DEPTH_MAX) {
		err_set(e, ERR_INPUT, "%.200s...: a path of %u parts; at most %d are accepted", raw, depth,
			LAYER_DEPTH_MAX);
		return NULL;
	}
	buf_add(&out, "", 0);
	return buf_steal(&out);
}

static int apply_leaf_kind(const char *path, struct sv leaf, enum apply_kind *kind, const char **name, struct err *e)
{
	struct sv gone = sv_sub(leaf, strlen(WHITEOUT), leaf.n);

	*name = gone.p;
	*kind = APPLY_OPAQUE;
	if (sv_eq_str(leaf, WHITEOUT_OPAQUE))
		return 0;
	*kind = APPLY_IGNORED;
	if (sv_starts(leaf, WHITEOUT_META))
		return 0;
	*kind = APPLY_WHITEOUT;
	if (gone.n && !sv_eq_str(gone, ".") && !sv_eq_str(gone, ".."))
		return 0;
	return err_set(e, ERR_INPUT, "%s: a whiteout of \"%.*s\"", path, SV_ARG(gone));
}

int apply_path_kind(const char *path, enum apply_kind *kind, const char **name, struct err *e)
{
	struct sv rest = sv_from(path);

	*kind = APPLY_ORDINARY;
	*name = NULL;
	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (!sv_starts(part, WHITEOUT))
			continue;
		if (!rest.p)
			return apply_leaf_kind(path, part, kind, name, e);
		if (!sv_starts(part, WHITEOUT_META))
			return err_set(e, ERR_INPUT, "%s: a member inside a whiteout", path);
		*kind = APPLY_IGNORED;
		return 0;
	}
	return 0;
}
