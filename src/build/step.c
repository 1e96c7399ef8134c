/* What the layer steps have in common: their directories, the parent's stack, the commit of the upper directory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/build/roots.h"
#include "src/session/treeview.h"
#include "src/util/mem.h"

static int make_dirs(struct step_job *j, struct err *e)
{
	static const char *const names[] = {"", "/upper", "/work", "/empty"};
	struct build *b = j->b;

	j->dir = mem_printf("%s/step.%u", b->tmp, b->tmp_count++);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = mem_printf("%s%s", j->dir, names[i]);

		if (mkdirat(store_fd(b->s->store), path, 0755) < 0)
			return err_sys(e, ERR_HOST, errno, "%s/%s", store_root(b->s->store), path);
	}
	return 0;
}

int step_start(struct step_job *j, struct err *e)
{
	if (make_dirs(j, e) < 0)
		return -1;
	if (j->b->s->tier.trees)
		roots_take(j);
	return j->def->kind == PLAN_RUN ? step_run_start(j, e) : step_copy_start(j, e);
}

void step_free(struct step_job *j)
{
	free(j->dir);
	free(j->root);
	free(j->evict);
	digest_list_release(&j->parent);
	for (size_t i = 0; i < j->from.n; i++)
		digest_list_release(&j->from.v[i]);
	vec_release(&j->from);
	loop_remove(j->b->s->loop, j->on_out);
	if (j->out_fd >= 0)
		close(j->out_fd);
	if (j->log_fd >= 0)
		close(j->log_fd);
	free(j->log_path);
	strv_release(&j->tail);
	buf_release(&j->line);
	if (j->mask)
		maskstream_release(j->mask);
	free(j->mask);
	free(j);
}

struct json *step_commit_json(const struct layer_info *info)
{
	struct json *j = json_object();

	json_set_str(j, "diff_id", info->diff_id.text);
	json_set_int(j, "size", (int64_t)info->size);
	json_set_int(j, "entries", (int64_t)info->entries);
	json_set_bool(j, "lossy", info->lossy);
	return j;
}

int step_commit_result(const struct json *j, struct layer_info *out, struct err *e)
{
	*out = (struct layer_info){.size = (uint64_t)json_get_int(j, "size", 0),
				   .entries = (uint64_t)json_get_int(j, "entries", 0),
				   .lossy = json_get_bool(j, "lossy", false)};
	return digest_parse(sv_from(json_get_str(j, "diff_id")), &out->diff_id, ERR_INTERNAL, e);
}

int step_commit(const struct build *b, const struct step_job *j, struct treeview *view, struct json **result,
		struct err *e)
{
	AUTO_FREE char *upper = mem_printf("%s/upper", j->dir);
	AUTO_CLOSE int fd = openat(store_fd(b->s->store), upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_info info = {0};

	if (fd < 0)
		return err_sys(e, ERR_HOST, errno, "opening %s", upper);
	if (!b->plan->timestamps_real && layer_clamp(fd, j->def->logical, false, e) < 0)
		return -1;
	if (layer_pack_as(fd, &view->view, &view->made, NULL, NULL, &info, e) < 0)
		return err_wrap(e, "packing the layer");
	if (info.entries &&
	    store_layer_publish_with(b->s->store, upper, b->s->tier.form, &info.diff_id, &view->made, e) < 0)
		return -1;
	*result = step_commit_json(&info);
	return 0;
}
