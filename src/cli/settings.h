/* Settings: what holds for every command, from five places, the later ones stronger: built in, /etc/slct/slct.yml,
 * $XDG_CONFIG_HOME/slct/slct.yml, environment SLCT_*, options. Each keeps where it came from. */
#ifndef SLCT_SETTINGS_H
#define SLCT_SETTINGS_H

#include "src/util/err.h"
#include "src/util/vec.h"

enum setting_id {
	SETTING_ROOT,
	SETTING_PROGRESS,
	SETTING_COLOR,
	SETTING_INSECURE,
	SETTING_CA_FILE,
	SETTING_CERT_DIR,
	SETTING_CONNECT_TIMEOUT,
	SETTING_STALL_TIMEOUT,
	SETTING_JOBS,
	SETTING_BUCKETFS_WAIT,
	SETTING_UPPER,
	SETTING_COUNT,
};

enum setting_kind { SETTING_TEXT, SETTING_PATH, SETTING_CHOICE, SETTING_NUMBER, SETTING_LIST, SETTING_DURATION };

struct setting_def {
	const char *name; /* key in the files: "insecure-registry" */
	const char *env;  /* "SLCT_INSECURE_REGISTRY" */
	enum setting_kind kind;
	const char *choices; /* SETTING_CHOICE: "a|b" */
	const char *dflt;    /* NULL: computed, or empty */
	const char *help;
};

struct setting {
	struct strv values; /* one, or those of a list */
	char *origin;	    /* "built in", "/etc/slct/slct.yml:3", "SLCT_ROOT", "--root" */
};

struct settings {
	struct setting v[SETTING_COUNT];
};

/* Where to look; a test gives its own. */
struct settings_sources {
	const char *system_file; /* may be missing */
	const char *user_file;	 /* may be missing unless user_file_given; NULL: none */
	bool user_file_given;	 /* by --config or SLCT_CONFIG: it must be there */
	const char *(*env)(const char *name);
};

const struct setting_def *settings_def(enum setting_id id);
/* The sources of this process; user_file is malloc'ed into *hold (caller frees). config: of --config, or NULL. */
void settings_sources_init(struct settings_sources *src, const char *config, char **hold);
/* ERR_INPUT names the file and line, or the variable. */
int settings_load(struct settings *s, const struct settings_sources *src, struct err *e);
/* From an option: ERR_USAGE for a bad value. A list is added to, anything else replaced. */
int settings_override(struct settings *s, enum setting_id id, const char *value, const char *origin, struct err *e);
void settings_release(struct settings *s);

const char *settings_get(const struct settings *s, enum setting_id id); /* the (first) value, NULL if there is none */
const struct strv *settings_list(const struct settings *s, enum setting_id id);
/* A duration in nanoseconds. */
int64_t settings_duration(const struct settings *s, enum setting_id id);
/* Jobs as a number; "auto" is the number of processors that this process may use. */
unsigned settings_jobs(const struct settings *s);

#endif
