/* Outputs, pushes and reports of a build. */
#include "src/cli/build_deliver.h"

#include <errno.h>
#include <fcntl.h>

#include "oci/ref.h"
#include "src/cli/image_src.h"
#include "src/cli/work.h"
#include "src/image/image_ops.h"
#include "src/util/io.h"

void build_deliver_release(struct build_deliver *d)
{
	for (size_t i = 0; i < d->outs.n; i++)
		build_out_release(&d->outs.v[i]);
	vec_release(&d->outs);
	strv_release(&d->push);
}

/* name= of an output is a name like those of -t. */
static int build_deliver_names(const struct build_out *out, struct strv *tags, struct err *e)
{
	for (size_t i = 0; i < out->names.n; i++) {
		AUTO_REF struct ref ref = {0};

		if (ref_parse(out->names.v[i], &ref, e)) {
			e->code = ERR_USAGE;
			return err_wrap(e, "--output: name");
		}
		if (digest_is_set(&ref.digest))
			return err_set(e, ERR_USAGE, "--output: \"%s\" has a digest: a name is wanted",
				       out->names.v[i]);
		if (!strv_has(tags, out->names.v[i]))
			strv_add(tags, out->names.v[i]);
	}
	return 0;
}

static int build_deliver_outputs(struct build_deliver *d, const struct build_deliver_opts *o, struct strv *tags,
				 bool *push_all, const char **compression, struct err *e)
{
	for (size_t i = 0; i < o->outputs->n; i++) {
		struct build_out out;

		if (build_out_parse(o->outputs->v[i], &out, e))
			return -1;
		vec_push(&d->outs, out);
		if (build_deliver_names(&out, tags, e))
			return -1;
		if (out.push)
			*push_all = true;
		if (build_out_to_stdout(&out) && d->to_stdout)
			return err_set(e, ERR_USAGE, "--output: two outputs to standard output");
		d->to_stdout |= build_out_to_stdout(&out);
		if (out.compression && *compression && strcmp(out.compression, *compression) != 0)
			return err_set(e, ERR_USAGE, "--output: compression \"%s\", but also \"%s\": one build has one",
				       out.compression, *compression);
		if (out.compression)
			*compression = out.compression;
	}
	return 0;
}

/* A file of an earlier build must not pass for one of a build that fails. */
static int build_deliver_forget_iid(const char *file, struct err *e)
{
	if (!file || io_is_special(file) || unlink(file) == 0 || errno == ENOENT)
		return 0;
	return err_sys(e, ERR_USAGE, errno, "--iidfile: %s", file);
}

int build_deliver_prepare(struct build_deliver *d, const struct build_deliver_opts *o, struct strv *tags, struct err *e)
{
	const char *compression = o->compression;
	bool push = o->push;

	*d = (struct build_deliver){.iidfile = o->iidfile, .metadata_file = o->metadata_file};
	if (build_deliver_outputs(d, o, tags, &push, &compression, e) || work_codec(compression, &d->codec, e))
		return -1;
	d->codec_given = compression != NULL;
	if (push && !tags->n)
		return err_set(e, ERR_USAGE, "--push needs the image's name: -t REGISTRY/NAME");
	if (push)
		strv_copy(&d->push, tags);
	if (d->to_stdout && isatty(STDOUT_FILENO)) {
		err_set(e, ERR_USAGE, "--output: an archive is not written to a terminal");
		return err_hint(e, "send it to a file or a pipe, or name dest=PATH");
	}
	return build_deliver_forget_iid(o->iidfile, e);
}

static const char *build_deliver_image(const struct build_goal *g)
{
	return g->name ? g->name : g->image.text;
}

static int build_deliver_one(const struct build_result *r, const char *option, struct err *e)
{
	return r->n == 1 ? 0 : err_set(e, ERR_USAGE, "%s is for one image, but there are %zu", option, r->n);
}

/* The manifest that a push or an archive has made. */
static void build_deliver_note_manifest(struct build_deliver *d, struct session *s, const struct build_goal *g)
{
	AUTO_STORE_IMAGE struct store_image i = {0};
	struct err ignored = ERR_INIT;

	if (store_image_get(s->store, build_deliver_image(g), &i, &ignored) == 0)
		d->manifest = i.manifest.digest;
	err_release(&ignored);
}

int build_deliver_images(struct build_deliver *d, struct session *s, const struct build_result *r, struct err *e)
{
	const struct layer_codec *codec = d->codec_given ? &d->codec : NULL;

	if ((d->outs.n && build_deliver_one(r, "--output", e)) || (d->push.n && build_deliver_one(r, "--push", e)))
		return -1;
	for (size_t i = 0; i < d->outs.n; i++) {
		if (build_out_write(s, &d->outs.v[i], build_deliver_image(&r->v[0]), codec, e))
			return -1;
	}
	for (size_t i = 0; i < d->push.n; i++) {
		struct image_ops_push_stats st;

		if (image_ops_push(s, d->push.v[i], NULL, codec, &st, e))
			return -1;
	}
	if (r->n == 1)
		build_deliver_note_manifest(d, s, &r->v[0]);
	return 0;
}

static struct json *build_deliver_json(const struct build_result *r)
{
	struct json *j = json_new_object(), *goals = json_new_array();

	json_set_int(j, "version", CLI_JSON_VERSION);
	for (size_t i = 0; i < r->n; i++) {
		const struct build_goal *g = &r->v[i];
		struct json *one = json_new_object();

		json_set_str(one, "stage", g->stage);
		json_set_str(one, "name", g->name);
		json_set_str(one, "id", g->image.text);
		json_set_str(one, "source", g->source ? g->source : "built");
		json_append(goals, one);
	}
	json_set(j, "goals", goals);
	json_set_int(j, "stages", r->counts.stages);
	json_set_int(j, "stages_cached", r->counts.stages_cached);
	json_set_int(j, "steps_run", r->counts.steps_run);
	json_set_int(j, "steps_cached", r->counts.steps_cached);
	json_set_int(j, "requests", (int64_t)r->counts.requests);
	json_set_int(j, "elapsed_ms", r->elapsed_ns / 1000000);
	json_set_str(j, "logs", r->log_dir);
	return j;
}

/* The members that docker's --metadata-file has, for scripts that read them. */
static void build_deliver_docker_members(const struct build_deliver *d, const struct build_goal *g, struct json *j)
{
	json_set_str(j, "containerimage.config.digest", g->image.text);
	if (digest_is_set(&d->manifest))
		json_set_str(j, "containerimage.digest", d->manifest.text);
	if (d->push.n) {
		AUTO_FREE char *names = strv_join(&d->push, ",");

		json_set_str(j, "image.name", names);
	} else if (g->name) {
		json_set_str(j, "image.name", g->name);
	}
}

int build_deliver_files(const struct build_deliver *d, const struct build_result *r, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_JSON struct json *j = NULL;

	if (d->iidfile && build_deliver_one(r, "--iidfile", e))
		return -1;
	if (d->iidfile && io_write_output(d->iidfile, r->v[0].image.text, strlen(r->v[0].image.text), e))
		return err_wrap(e, "--iidfile");
	if (!d->metadata_file)
		return 0;
	j = build_deliver_json(r);
	if (r->n == 1)
		build_deliver_docker_members(d, &r->v[0], j);
	json_write_pretty(j, &text);
	buf_char_add(&text, '\n');
	if (io_write_output(d->metadata_file, buf_str(&text), text.n, e))
		return err_wrap(e, "--metadata-file");
	return 0;
}

int build_deliver_print(const struct build_deliver *d, const struct cli *c, const struct build_result *r, struct err *e)
{
	if (d->to_stdout)
		return 0;
	if (c->g.json)
		return cli_print_json(build_deliver_json(r), e);
	for (size_t i = 0; i < r->n; i++) {
		if (cli_printf(e, "%s\n", r->v[i].image.text))
			return -1;
	}
	return 0;
}
