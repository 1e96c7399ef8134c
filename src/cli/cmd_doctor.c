/* slct doctor: what this host allows, and what would help where it does not. */
#include "src/cli/cli.h"
#include "src/cli/cmd.h"
#include "src/cli/doctor.h"

static struct json *cmd_doctor_json(const struct doctor *d)
{
	struct json *j = json_new_object(), *list = json_new_array();

	json_set_bool(j, "can_build", d->can_build);
	json_set_str(j, "isolation", d->can_build ? tier_name(d->tier.tier) : NULL);
	for (size_t i = 0; i < d->v.n; i++) {
		const struct doctor_finding *f = &d->v.v[i];
		struct json *one = json_new_object();

		json_set_str(one, "group", f->group);
		json_set_str(one, "name", f->name);
		json_set_str(one, "state", doctor_state_name(f->state));
		json_set_str(one, "text", f->text);
		json_set_str(one, "remedy", f->remedy);
		json_append(list, one);
	}
	json_set(j, "findings", list);
	return j;
}

static int cmd_doctor_text(const struct doctor *d, struct err *e)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	const char *group = "";

	for (size_t i = 0; i < d->v.n; i++) {
		const struct doctor_finding *f = &d->v.v[i];

		if (strcmp(group, f->group) != 0)
			buf_printf(&out, "%s%s\n", i ? "\n" : "", f->group);
		group = f->group;
		buf_printf(&out, "  %-8s %s: %s\n", doctor_state_name(f->state), f->name, f->text);
		if (f->remedy)
			buf_printf(&out, "           remedy: %s\n", f->remedy);
	}
	return cli_print(buf_str(&out), out.n, e);
}

static int cmd_doctor_run(struct cli *c, const void *opts ATTR_UNUSED, struct err *e)
{
	AUTO_FREE char *root = cli_store_root(c);
	struct err no_store = ERR_INIT;
	struct store *s = store_open(root, &no_store);
	struct doctor d = {.can_build = false};
	int rc;

	doctor_examine(&d, s, &no_store);
	rc = c->g.json ? cli_print_json(cmd_doctor_json(&d), e) : cmd_doctor_text(&d, e);
	if (!rc && !d.can_build) {
		err_move(e, &d.why);
		e->code = ERR_HOST;
		rc = err_wrap(e, "RUN steps cannot be built here");
	}
	doctor_release(&d);
	err_release(&no_store);
	if (s)
		store_close(s);
	return rc;
}

/* clang-format off */
const struct command cmd_doctor = {
	.name = "doctor",
	.group = COMMAND_HOUSE,
	.summary = "say what this host allows, and what it lacks",
	.usage = "[--json]",
	.about = "Tries out, by doing them, the things that a build needs: each tier of isolation, user namespaces, the "
		 "overlay, attributes and space of the store, programs. Where something is refused, the system call, "
		 "switch or file that refuses is named, with the remedy. Layers in the store that can no longer be "
		 "entered, because the range of subordinate ids has changed, are listed.\n\n"
		 "The exit status is 0 if a build with RUN steps can run, else 5.",
	.example = "slct doctor\nslct doctor --json --root /srv/slct",
	.run = cmd_doctor_run,
};
/* clang-format on */
