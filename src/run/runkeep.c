#include "src/run/runkeep.h"

#include <errno.h>
#include <fcntl.h>

#include "src/build/opsbase.h"
#include "src/session/treeview.h"
#include "src/util/clock.h"
#include "src/util/mem.h"

/* In the user namespace. The files' times stay what they are: nobody expects the same digest again. */
static int runkeep_pack(void *arg, struct worker *w ATTR_UNUSED, struct json **result, struct err *e)
{
	const struct runimg_job *j = arg;
	const struct session *s = j->b->s;
	AUTO_FREE char *upper = mem_printf("%s/0/upper", j->dir), *owners = mem_printf("%s/0/owners", j->dir);
	AUTO_CLOSE int fd = openat(store_fd(s->store), upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int rows = -1;
	AUTO_TREEVIEW struct treeview tv = {0};
	struct layer_info info = {0};

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "%s", upper);
	treeview_open(&tv, s);
	if (s->tier.tier == TIER_SOLO) {
		rows = openat(store_fd(s->store), owners, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (rows < 0)
			return err_sys(e, ERR_HOST, errno, "%s", owners);
		if (owntab_load(tv.view.rows, rows, e) < 0)
			return -1;
	}
	if (layer_pack_as(fd, &tv.view, &tv.made, NULL, NULL, &info, e) < 0 ||
	    (info.entries && store_layer_publish_with(s->store, upper, s->tier.form, &info.diff_id, &tv.made, e) < 0))
		return -1;
	*result = step_commit_json(&info);
	return 0;
}

/* The files need not be those of the config's image. */
static void runkeep_layers(struct imgconfig *c, const struct digest_list *stack, const char *when)
{
	if (digest_list_eq(&c->diff_ids, stack))
		return;
	digest_list_release(&c->diff_ids);
	digest_list_copy(&c->diff_ids, stack);
	imgconfig_clear_history(c);
	for (size_t i = 0; i < stack->n; i++)
		imgconfig_add_history(c, when, "exported files", NULL, false);
}

static void runkeep_config(struct imgconfig *c, const struct runimg_cmd *cmd, const struct layer_info *info)
{
	char when[32];

	clock_rfc3339(clock_wall() / CLOCK_NS_PER_S, when);
	runkeep_layers(c, &cmd->stack, when);

	smap_release(&c->env);
	for (size_t i = 0; i < cmd->env.n; i++) {
		struct sv value = sv_from(cmd->env.v[i]), key = sv_cut(&value, '=');
		AUTO_FREE char *name = sv_dup(key);

		smap_set_str(&c->env, name, value.p ? value.p : "");
	}
	strv_release(&c->entrypoint);
	strv_release(&c->cmd);
	strv_copy(&c->cmd, &cmd->argv);
	c->has_entrypoint = false;
	c->has_cmd = true;
	free(c->user);
	free(c->workdir);
	c->user = mem_strdup_opt(cmd->user);
	c->workdir = mem_strdup_opt(cmd->workdir);
	if (info->entries)
		vec_push(&c->diff_ids, info->diff_id);
	imgconfig_add_history(c, when, cmd->name, "state after a failure", !info->entries);
}

static int runkeep_put(const struct runimg_job *j, const struct imgconfig *config, const struct layer_info *info,
		       const char *name, struct digest *id, struct err *e)
{
	struct store *store = j->b->s->store;
	AUTO_IMGCONFIG struct imgconfig c;
	AUTO_BUF struct buf text = BUF_INIT(BUF_TEXT_MAX);
	AUTO_LAYER_REC struct store_layer_rec rec = {
		.diff_id = info->diff_id, .size = info->size, .entries = info->entries, .lossy = info->lossy};
	struct descriptor d = {0};

	imgconfig_copy(&c, config);
	runkeep_config(&c, &j->main, info);
	imgconfig_write(&c, &text);
	if (store_blob_put(store, text.p, text.n, MEDIATYPE_OCI_CONFIG, &d, e) < 0 ||
	    (info->entries && store_layer_rec_made(store, &rec, e) < 0) || store_sync(store, e) < 0)
		return -1;
	*id = d.digest;
	descriptor_release(&d);
	return opsbase_name(j->b->s, name, id, &c.diff_ids, NULL, e);
}

int runkeep(struct runimg_job *j, const struct imgconfig *config, const char *name, struct digest *id, struct err *e)
{
	struct worker_spec spec = {.role = "pack", .enter = WORKER_USERNS, .fn = runkeep_pack, .arg = j};
	AUTO_JSON struct json *answer = NULL;
	struct layer_info info;

	if (worker_call(j->b->s, &spec, &answer, e) < 0 || step_commit_result(answer, &info, e) < 0)
		return -1;
	return runkeep_put(j, config, &info, name, id, e);
}
