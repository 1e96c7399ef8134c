/* Fuzz target: any bytes as a layer. Nothing outside the directory may change, and what was unpacked can be packed. */
#include <fcntl.h>
#include <sys/stat.h>

#include "oci/layer.h"
#include "src/util/cleanup.h"
#include "src/util/log.h"
#include "src/util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static char path[] = "/tmp/slct-fuzz.XXXXXX";

static void remove_root(void)
{
	struct err e = ERR_INIT;

	path_remove_tree(AT_FDCWD, path, &e);
	err_release(&e);
}

/* A directory below /tmp for the whole run; each input gets a fresh one in it. */
static int fuzz_root(void)
{
	static int fd = -1;

	if (fd >= 0)
		return fd;
	log_set_level(LOG_ERROR);
	if (!mkdtemp(path))
		abort();
	atexit(remove_root);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

static void fuzz_pack(int fd)
{
	struct layer_info info;
	struct err e = ERR_INIT;

	/* A layer can bring nothing into a tree that cannot be packed again. */
	if (layer_pack(fd, NULL, NULL, &info, &e) < 0)
		abort();
	err_release(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct layer_apply_opts opts[2] = {{.plain = false}, {.plain = true}};
	int root = fuzz_root();
	struct layer_info info;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		AUTO_CLOSE int fd = -1;
		struct rstream *r = stream_from_bytes(p, n);

		if (mkdirat(root, "tree", 0700) < 0)
			abort();
		fd = openat(root, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (layer_apply(r, fd, &opts[i], &info, &e) == 0)
			fuzz_pack(fd);
		err_release(&e);
		stream_rclose(r);
		if (path_remove_tree(root, "tree", &e) < 0)
			abort();
	}
	return 0;
}
