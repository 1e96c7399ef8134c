/* Sessions for commands. */
#include "src/cli/work.h"

#include "oci/ref.h"
#include "src/cli/image_src.h"
#include "src/util/clock.h"
#include "src/util/mem.h"
#include "src/util/num.h"

static int work_net(struct work *w, const struct cli *c, const struct cli_net *net, const char *text, struct err *e)
{
	static const struct cli_net none = {0};
	AUTO_REF struct ref ref = {0};

	if (net && net->creds && !text)
		return err_set(e, ERR_USAGE, "--creds: no registry is named that they could be for");
	if (net && net->creds) {
		/* A cache operand may have attributes behind a comma. */
		struct sv rest = sv_from(image_src_reference(text));
		AUTO_FREE char *name = sv_dup(sv_cut(&rest, ','));

		if (ref_parse(name, &ref, e))
			return -1;
	}
	return cli_net_opts(c, net ? net : &none, ref.host, &w->net, e);
}

static int work_upper(struct session *s, const struct cli *c, struct err *e)
{
	if (memupper_parse(settings_get(&c->settings, SETTING_UPPER), &s->upper, e) == 0)
		return 0;
	e->code = ERR_INPUT;
	return err_wrap(e, "%s", c->settings.v[SETTING_UPPER].origin);
}

int work_open(struct work *w, const struct cli *c, const struct cli_net *net, const char *ref, struct err *e)
{
	AUTO_FREE char *root = cli_store_root(c);

	*w = (struct work){0};
	if (work_net(w, c, net, ref, e))
		return -1;
	w->sink = cli_display(c);
	if (session_open(&w->session, root, w->sink, e)) {
		work_close(w);
		return -1;
	}
	if (work_upper(&w->session, c, e)) {
		w->open = true;
		work_close(w);
		return -1;
	}
	w->session.net = w->net;
	w->session.net.store = w->session.store;
	w->open = true;
	return 0;
}

int work_open_files(struct work *w, const struct cli *c)
{
	*w = (struct work){.session = {.nsfd = -1}};
	w->sink = cli_display(c);
	w->session.sink = w->sink;
	return 0;
}

int work_open_exclusive(struct work *w, const struct cli *c, struct err *e)
{
	AUTO_FREE char *root = cli_store_root(c);

	*w = (struct work){0};
	if (session_open_exclusive(&w->session, root, e))
		return -1;
	w->open = true;
	return 0;
}

void work_close(struct work *w)
{
	if (w->open)
		session_close(&w->session);
	w->open = false;
	if (w->sink)
		w->sink->free(w->sink);
	w->sink = NULL;
	cli_net_release(&w->net);
}

int work_codec(const char *text, struct layer_codec *out, struct err *e)
{
	return layer_codec_parse(sv_from(text ? text : "gzip"), out, e) ? err_wrap(e, "--compression") : 0;
}

/* 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. */
#define WORK_TIME_MAX INT64_C(253402300799)

int work_created(const char *text, int64_t *out, struct err *e)
{
	AUTO_FREE char *midnight = mem_printf("%sT00:00:00Z", text);
	uint64_t n;

	if (strcmp(text, "now") == 0)
		*out = clock_wall() / CLOCK_NS_PER_S;
	else if (num_parse(sv_from(text), 10, WORK_TIME_MAX, &n) == 0)
		*out = (int64_t)n;
	else if ((clock_parse_rfc3339(sv_from(text), out) && clock_parse_rfc3339(sv_from(midnight), out)) || *out < 0 ||
		 *out > WORK_TIME_MAX)
		return err_set(e, ERR_USAGE,
			       "--created: \"%s\" is neither now nor a date like 2026-01-31 or "
			       "2026-01-31T12:00:00Z",
			       text);
	return 0;
}

int work_source_date(int64_t dflt, int64_t *out, struct err *e)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	uint64_t n;

	*out = dflt;
	if (!text || !text[0])
		return 0;
	if (num_parse(sv_from(text), 10, WORK_TIME_MAX, &n))
		return err_set(e, ERR_INPUT, "SOURCE_DATE_EPOCH: \"%s\" is not a number of seconds since 1970", text);
	*out = (int64_t)n;
	return 0;
}

int work_print_id(const struct cli *c, const struct digest *id, const char *name, struct err *e)
{
	struct json *j;

	if (!c->g.json)
		return cli_printf(e, "%s\n", id->text);
	j = json_new_object();
	json_set_str(j, "id", id->text);
	json_set_str(j, "name", name);
	return cli_print_json(j, e);
}
