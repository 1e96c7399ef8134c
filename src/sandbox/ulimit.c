/* Resource limits. */
#include "src/sandbox/ulimit.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/num.h"

/* Linux has no others. */
static const struct {
	const char *name;
	int resource;
} ulimit_names[] = {
	{"as", RLIMIT_AS},	     {"core", RLIMIT_CORE},	    {"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},	     {"fsize", RLIMIT_FSIZE},	    {"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},	    {"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},	    {"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static int unknown_name(struct sv name, struct err *e)
{
	AUTO_BUF struct buf all = BUF_INIT(BUF_TEXT_MAX);

	for (size_t i = 0; i < ARRAY_LEN(ulimit_names); i++)
		buf_printf(&all, "%s%s", i ? " " : "", ulimit_names[i].name);
	err_set(e, ERR_USAGE, "--ulimit: unknown limit \"%.*s\"", SV_ARG(name));
	return err_hint(e, "the limits are: %s", buf_str(&all));
}

static int parse_value(struct sv text, uint64_t *out)
{
	if (sv_eq_str(text, "-1") || sv_eq_str(text, "unlimited")) {
		*out = ULIMIT_UNLIMITED;
		return 0;
	}
	return num_parse(text, 10, ULIMIT_UNLIMITED - 1, out);
}

int ulimit_parse(const char *text, struct ulimit *out, struct err *e)
{
	struct sv value = sv_from(text), name = sv_cut(&value, '='), soft;
	size_t i = 0;

	if (!value.p || !name.n) {
		err_set(e, ERR_USAGE, "--ulimit: \"%s\" is not NAME=SOFT[:HARD]", text);
		return err_hint(e, "for example --ulimit nofile=1024:4096");
	}
	while (i < ARRAY_LEN(ulimit_names) && !sv_eq_str(name, ulimit_names[i].name))
		i++;
	if (i == ARRAY_LEN(ulimit_names))
		return unknown_name(name, e);
	*out = (struct ulimit){.name = ulimit_names[i].name, .resource = ulimit_names[i].resource};
	soft = sv_cut(&value, ':');
	if (parse_value(soft, &out->soft) < 0 || parse_value(value.p ? value : soft, &out->hard) < 0)
		return err_set(e, ERR_USAGE, "--ulimit: \"%s\": a limit is a number, or -1 for none", text);
	if (out->soft > out->hard)
		return err_set(e, ERR_USAGE, "--ulimit: \"%s\": the soft limit is above the hard one", text);
	return 0;
}

static void value_text(uint64_t value, char out[24])
{
	if (value == ULIMIT_UNLIMITED)
		snprintf(out, 24, "-1");
	else
		snprintf(out, 24, "%llu", (unsigned long long)value);
}

char *ulimit_text(const struct ulimit *l)
{
	char soft[24], hard[24];

	value_text(l->soft, soft);
	value_text(l->hard, hard);
	return mem_printf("%s=%s:%s", l->name, soft, hard);
}

int ulimit_canonical(const struct strv *list, struct strv *out, struct err *e)
{
	struct ulimit all[ARRAY_LEN(ulimit_names)] = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct ulimit l;

		if (ulimit_parse(list->v[i], &l, e) < 0)
			return -1;
		for (size_t k = 0; k < ARRAY_LEN(ulimit_names); k++)
			if (ulimit_names[k].resource == l.resource)
				all[k] = l;
	}
	for (size_t k = 0; k < ARRAY_LEN(ulimit_names); k++)
		if (all[k].name)
			strv_take(out, ulimit_text(&all[k]));
	return 0;
}

static rlim_t to_rlim(uint64_t value)
{
	return value == ULIMIT_UNLIMITED ? RLIM_INFINITY : (rlim_t)value;
}

/* Only CAP_SYS_RESOURCE of the machine itself may go above the limit that is there, and slct never raises its own. */
static int refused(const struct ulimit *l, int sys, struct err *e)
{
	struct rlimit now = {0};
	char hard[24];

	getrlimit(l->resource, &now);
	value_text(now.rlim_max == RLIM_INFINITY ? ULIMIT_UNLIMITED : (uint64_t)now.rlim_max, hard);
	err_set(e, ERR_HOST, "--ulimit %s: setrlimit: %s (the hard limit here is %s)", l->name, strerror(sys), hard);
	e->sys = sys;
	return err_hint(e,
			"ask for %s at most, or raise the caller's limit: /etc/security/limits.conf, "
			"a service manager's Limit…=, docker run --ulimit",
			hard);
}

int ulimit_apply(const char *const *texts, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct ulimit l;

		if (ulimit_parse(texts[i], &l, e) < 0)
			return -1;
		struct rlimit r = {to_rlim(l.soft), to_rlim(l.hard)};

		if (setrlimit((__rlimit_resource_t)l.resource, &r) < 0)
			return refused(&l, errno, e);
	}
	return 0;
}
