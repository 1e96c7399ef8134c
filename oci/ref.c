/* Image references: [host[:port]/]path[:tag][@digest]. */
#include "oci/ref.h"

#include "src/util/buf.h"
#include "src/util/mem.h"
#include "src/util/num.h"

#define REF_HUB	    "docker.io"
#define REF_HUB_DIR "library/"
/* distribution-spec: many implementations limit host and path together to 255 characters; the tag to 128. */
#define REF_NAME_MAX 255
#define REF_TAG_MAX  128

/* The text as a whole, for messages with positions. */
struct ref_src {
	const char *text;
	struct err *e;
};

static int ref_refuse(const struct ref_src *s, const char *at, const char *why)
{
	AUTO_BUF struct buf b = BUF_INIT(BUF_TEXT_MAX);
	AUTO_FREE char *shown = mem_strndup(s->text, 300);

	buf_quoted_add(&b, shown);
	return err_set(s->e, ERR_INPUT, "image reference %s: position %zu: %s", buf_str(&b), (size_t)(at - s->text) + 1,
		       why);
}

static bool ref_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ref_is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool ref_is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool ref_is_hex(char c)
{
	return ref_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int ref_check_port(const struct ref_src *s, struct sv port)
{
	uint64_t n;

	if (num_parse(port, 10, 65535, &n) < 0 || n == 0)
		return ref_refuse(s, port.p, "the port is not a number from 1 to 65535");
	return 0;
}

/* "[::1]" or "[::1]:5000" */
static int ref_check_ipv6(const struct ref_src *s, struct sv host)
{
	ssize_t close = sv_find(host, ']');
	struct sv tail;

	if (close < 3)
		return ref_refuse(s, host.p, "\"[\" without an IPv6 address and \"]\"");
	for (ssize_t i = 1; i < close; i++) {
		if (!ref_is_hex(host.p[i]) && host.p[i] != ':' && host.p[i] != '.')
			return ref_refuse(s, host.p + i, "not part of an IPv6 address");
	}
	tail = sv_sub(host, (size_t)close + 1, host.n);
	if (tail.n == 0)
		return 0;
	if (tail.p[0] != ':')
		return ref_refuse(s, tail.p, "expected \":port\" or \"/\" after the address");
	return ref_check_port(s, sv_sub(tail, 1, tail.n));
}

/* DNS name or IPv4 address with an optional port. */
static int ref_check_host(const struct ref_src *s, struct sv host)
{
	struct sv rest = host, name;

	if (host.p[0] == '[')
		return ref_check_ipv6(s, host);
	name = sv_cut(&rest, ':');
	if (rest.p && ref_check_port(s, rest) < 0)
		return -1;
	if (name.n == 0)
		return ref_refuse(s, host.p, "the host is empty");
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i], next = i + 1 < name.n ? name.p[i + 1] : '.';
		bool mark = c == '.' || c == '-';

		if (!mark && !ref_is_lower(c) && !ref_is_upper(c) && !ref_is_digit(c))
			return ref_refuse(s, name.p + i, "character not allowed in a host name");
		if ((c == '.' && (i == 0 || next == '.' || next == '-')) || (c == '-' && (i == 0 || next == '.')))
			return ref_refuse(s, name.p + i, "part of a host name begins or ends with a mark");
	}
	return 0;
}

static const char *ref_path_cause(char c)
{
	if (ref_is_upper(c))
		return "upper-case letter in the repository's name (only hosts and tags may have them)";
	if (c == '\0' || c == '/')
		return "a part of the path is empty";
	if (c == '.' || c == '_' || c == '-')
		return "a part of the path begins or ends with a separator, or repeats one";
	return "character not allowed in a repository's name";
}

/* Length of the separator at p: ".", "_", "__" or any number of "-"; else 0. */
static size_t ref_separator(const char *p, const char *end)
{
	size_t n = 0;

	if (p < end && *p == '.')
		return 1;
	if (p < end && *p == '_')
		return p + 1 < end && p[1] == '_' ? 2 : 1;
	while (p + n < end && p[n] == '-')
		n++;
	return n;
}

/* One part between slashes: [a-z0-9]+ (separator [a-z0-9]+)* (distribution-spec, <name>). */
static int ref_check_part(const struct ref_src *s, const char *p, const char *end)
{
	while (true) {
		const char *from = p;

		while (p < end && (ref_is_lower(*p) || ref_is_digit(*p)))
			p++;
		if (p == from)
			return ref_refuse(s, p, ref_path_cause(p < end ? *p : '\0'));
		if (p == end)
			return 0;
		from = p;
		p += ref_separator(p, end);
		if (p == from)
			return ref_refuse(s, p, ref_path_cause(*p));
		if (p == end)
			return ref_refuse(s, from, ref_path_cause(*from));
	}
}

static int ref_check_path(const struct ref_src *s, struct sv path)
{
	struct sv rest = path;

	if (path.n == 0)
		return ref_refuse(s, path.p, "the repository's name is empty");
	while (rest.p) {
		struct sv part = sv_cut(&rest, '/');

		if (ref_check_part(s, part.p, part.p + part.n) < 0)
			return -1;
	}
	return 0;
}

static int ref_check_tag(const struct ref_src *s, struct sv tag)
{
	if (tag.n == 0)
		return ref_refuse(s, tag.p, "the tag is empty");
	for (size_t i = 0; i < tag.n; i++) {
		char c = tag.p[i];
		bool word = ref_is_lower(c) || ref_is_upper(c) || ref_is_digit(c) || c == '_';

		if (!word && (i == 0 || (c != '.' && c != '-')))
			return ref_refuse(s, tag.p + i, "character not allowed in a tag");
	}
	if (tag.n > REF_TAG_MAX)
		return ref_refuse(s, tag.p + REF_TAG_MAX, "the tag is longer than 128 characters");
	return 0;
}

/* Whether the part before the first slash is a host: Docker's rule, without its "anything in upper case". */
static bool ref_is_host(struct sv first)
{
	return first.n && (first.p[0] == '[' || sv_find(first, '.') >= 0 || sv_find(first, ':') >= 0 ||
			   sv_eq_str(first, "localhost"));
}

static struct sv ref_cut_host(struct sv *name)
{
	ssize_t slash = sv_find(*name, '/');
	struct sv first = SV_NULL;

	if (slash < 0 || !ref_is_host(sv_sub(*name, 0, (size_t)slash)))
		return first;
	first = sv_sub(*name, 0, (size_t)slash);
	*name = sv_sub(*name, (size_t)slash + 1, name->n);
	return first;
}

/* The tag's colon is the last one after the last slash. */
static struct sv ref_cut_tag(struct sv *name)
{
	ssize_t colon = sv_rfind(*name, ':'), slash = sv_rfind(*name, '/');
	struct sv tag = SV_NULL;

	if (colon < 0 || colon < slash)
		return tag;
	tag = sv_sub(*name, (size_t)colon + 1, name->n);
	*name = sv_sub(*name, 0, (size_t)colon);
	return tag;
}

static void ref_fill(struct ref *out, struct sv host, struct sv path, struct sv tag)
{
	bool hub = !host.p || sv_ieq_str(host, REF_HUB) || sv_ieq_str(host, "index.docker.io");

	out->host = hub ? mem_strdup(REF_HUB) : sv_dup(host);
	out->path = mem_printf("%s%.*s", hub && sv_find(path, '/') < 0 ? REF_HUB_DIR : "", SV_ARG(path));
	out->tag = tag.p ? sv_dup(tag) : digest_is_set(&out->digest) ? NULL : mem_strdup("latest");
}

static int ref_check_scheme(const struct ref_src *s)
{
	const char *scheme = strstr(s->text, "://");

	if (!scheme)
		return 0;
	ref_refuse(s, scheme, "a reference has no \"://\"");
	return err_hint(s->e, "leave out \"%.*s\"", (int)(scheme - s->text) + 3, s->text);
}

static int ref_parse_digest(const struct ref_src *s, struct sv text, struct digest *out)
{
	if (digest_parse(text, out, ERR_INPUT, s->e) == 0)
		return 0;
	return ref_refuse(s, text.p, "after \"@\" a digest must follow: sha256:<64 lower-case hex digits>");
}

int ref_parse(const char *text, struct ref *out, struct err *e)
{
	struct ref_src s = {text, e};
	struct sv rest = sv_from(text), name = sv_cut(&rest, '@'), host, tag;

	*out = (struct ref){0};
	if (name.n == 0)
		return ref_refuse(&s, text, "the repository's name is empty");
	if (ref_check_scheme(&s) < 0)
		return -1;
	if (rest.p && ref_parse_digest(&s, rest, &out->digest) < 0)
		return -1;
	host = ref_cut_host(&name);
	tag = ref_cut_tag(&name);
	if ((host.p && ref_check_host(&s, host) < 0) || ref_check_path(&s, name) < 0 ||
	    (tag.p && ref_check_tag(&s, tag) < 0))
		return -1;
	if (host.n + name.n > REF_NAME_MAX)
		return ref_refuse(&s, text + REF_NAME_MAX, "host and path are longer than 255 characters");
	ref_fill(out, host, name, tag);
	return 0;
}

void ref_release(struct ref *r)
{
	free(r->host);
	free(r->path);
	free(r->tag);
	*r = (struct ref){0};
}

void ref_copy(struct ref *to, const struct ref *from)
{
	to->host = mem_strdup_opt(from->host);
	to->path = mem_strdup_opt(from->path);
	to->tag = mem_strdup_opt(from->tag);
	to->digest = from->digest;
}

static char *ref_join(const struct ref *r, const char *host, const char *path)
{
	bool digest = digest_is_set(&r->digest);

	return mem_printf("%s%s%s%s%s%s%s", host, host[0] ? "/" : "", path, r->tag ? ":" : "", r->tag ? r->tag : "",
			  digest ? "@" : "", r->digest.text);
}

char *ref_format(const struct ref *r)
{
	return ref_join(r, r->host, r->path);
}

char *ref_familiar(const struct ref *r)
{
	size_t skip = strlen(REF_HUB_DIR);

	if (strcmp(r->host, REF_HUB) != 0)
		return ref_format(r);
	/* "library/a/b" cannot lose its first part: "a/b" is another repository */
	if (strncmp(r->path, REF_HUB_DIR, skip) == 0 && !strchr(r->path + skip, '/'))
		return ref_join(r, "", r->path + skip);
	return ref_join(r, "", r->path);
}

bool ref_is_store_only(const struct ref *r)
{
	return strcmp(r->host, "localhost") == 0;
}

int ref_parse_repo(const char *text, struct ref *out, struct err *e)
{
	struct ref_src s = {text, e};
	const char *slash = strrchr(text, '/'), *at = strchr(text, '@');
	const char *colon = strchr(slash ? slash : text, ':');

	*out = (struct ref){0};
	if (at)
		return ref_refuse(&s, at, "a repository is wanted here, without a digest");
	if (colon)
		return ref_refuse(&s, colon, "a repository is wanted here, without a tag");
	if (ref_parse(text, out, e) < 0)
		return -1;
	free(STEAL_PTR(out->tag));
	return 0;
}
