/* The commands: one file each. */
#ifndef SLCT_CMD_H
#define SLCT_CMD_H

#include "src/cli/command.h"

extern const struct command cmd_lock, cmd_verify, cmd_cache, cmd_manifest, cmd_copy, cmd_why, cmd_ls, cmd_cat, cmd_diff;
extern const struct command cmd_build, cmd_lint, cmd_plan;
extern const struct command cmd_run, cmd_shell, cmd_test, cmd_scan;
extern const struct command cmd_images, cmd_inspect, cmd_history, cmd_tag, cmd_rm, cmd_pull, cmd_push, cmd_save,
	cmd_load, cmd_import, cmd_tags, cmd_login, cmd_logout;
extern const struct command cmd_export, cmd_upload, cmd_deploy, cmd_activation, cmd_clean, cmd_package_diffs,
	cmd_exaslct, cmd_init;
extern const struct command cmd_gc, cmd_du, cmd_fsck, cmd_doctor, cmd_version, cmd_completion, cmd_help;

#endif
