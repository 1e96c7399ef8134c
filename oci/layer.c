/* Layers: a tree into a tar and back, each in one pass. */
#include "oci/layer.h"

#include "oci/apply.h"
#include "oci/diff.h"
#include "oci/tarsink.h"
#include "oci/tarsource.h"
#include "oci/treetime.h"
#include "src/util/num.h"

int layer_codec_parse(struct sv text, struct layer_codec *out, struct err *e)
{
	static const struct {
		const char *name;
		enum mediatype_codec codec;
		uint64_t max;
	} codecs[] = {{"gzip", CODEC_GZIP, 9}, {"zstd", CODEC_ZSTD, 22}, {"none", CODEC_NONE, 0}};
	struct sv level = text, name = sv_cut(&level, ':');
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		if (!sv_eq_str(name, codecs[i].name))
			continue;
		if (level.p && (num_parse(level, 10, codecs[i].max, &n) || n == 0))
			return err_set(e, ERR_USAGE, "the level of %s is a number from 1 to %llu", codecs[i].name,
				       (unsigned long long)codecs[i].max);
		*out = (struct layer_codec){codecs[i].codec, (int)n};
		return 0;
	}
	return err_set(e, ERR_USAGE, "\"%.*s\" is not gzip, zstd or none", SV_ARG(name));
}

const char *layer_codec_name(const struct layer_codec *c, char out[32])
{
	int level = c->level;

	if (c->codec == CODEC_GZIP) {
		level = level ? level : 1;
		snprintf(out, 32, "gzip:%s:%d", level <= 3 ? "isal" : "zlib", level);
	} else if (c->codec == CODEC_ZSTD) {
		snprintf(out, 32, "zstd:%d", level ? level : 3);
	} else {
		snprintf(out, 32, "%s", mediatype_codec_name(c->codec));
	}
	return out;
}

static int layer_write_tree(int treefd, const struct diff_opts *opts, struct wstream *out, struct layer_info *info,
			    struct err *e)
{
	AUTO_TAR_WRITE struct tar_write *t = tar_write_new(out);

	if (diff_write(treefd, opts, t, e) < 0 || tar_write_end(t, e) < 0)
		return -1;
	info->entries = tar_write_count(t);
	return stream_finish(out, e);
}

int layer_pack(int treefd, const struct layer_codec *codec, struct wstream *out, struct layer_info *info, struct err *e)
{
	return layer_pack_as(treefd, NULL, NULL, codec, out, info, e);
}

int layer_pack_as(int treefd, const struct ownview *view, struct owners *owners, const struct layer_codec *codec,
		  struct wstream *out, struct layer_info *info, struct err *e)
{
	const struct diff_opts opts = {.marks = true, .view = view, .owners = owners};
	struct tarsink sink;
	int r;

	*info = (struct layer_info){0};
	if (tarsink_open(&sink, codec, out, e) < 0)
		return -1;
	r = layer_write_tree(treefd, &opts, sink.top, info, e);
	tarsink_close(&sink, r == 0 ? info : NULL);
	return r;
}

int layer_clamp(int treefd, int64_t logical, bool all, struct err *e)
{
	return treetime_clamp(treefd, logical, all, e);
}

static int layer_unpack(struct tarsource *s, int destfd, struct layer_info *info, struct err *e)
{
	const struct apply_opts opts = {.plain = s->o->plain,
					.may_mknod = s->o->may_mknod,
					.own = s->o->own,
					.view = s->o->view,
					.owners = s->o->owners,
					.implied = s->o->implied};
	AUTO_TAR_READ struct tar_read *t = tar_read_new(s->top, e);
	struct apply_result result;

	if (!t || apply_tar(t, destfd, &opts, &result, e) < 0 || tar_read_drain(t, e) < 0)
		return -1;
	info->entries = result.entries;
	info->lossy = result.lossy;
	return 0;
}

int layer_apply(struct rstream *src, int destfd, const struct layer_apply_opts *o, struct layer_info *info,
		struct err *e)
{
	struct tarsource s;
	int r;

	*info = (struct layer_info){0};
	if (tarsource_open(&s, src, o, e) < 0)
		return -1;
	r = layer_unpack(&s, destfd, info, e);
	if (r < 0)
		tarsource_blame(&s, e);
	else
		r = tarsource_verify(&s, info, e);
	tarsource_release(&s);
	return r;
}
