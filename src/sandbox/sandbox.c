/* Run a step. */
#include "src/sandbox/sandbox.h"

#include <fcntl.h>

#include "src/sandbox/chrootrun.h"
#include "src/sandbox/enter.h"
#include "src/sandbox/plan_ops.h"
#include "src/sandbox/seccomp.h"
#include "src/sandbox/spec.h"
#include "src/sandbox/userns.h"
#include "src/util/buf.h"
#include "src/util/io.h"

int sandbox_seccomp(bool sync_is_noop, void **prog, size_t *len, struct err *e)
{
	return seccomp_program(sync_is_noop, prog, len, e);
}

/* The host's, also a stub resolver on loopback: the step shares the host's network. Without one the step's is empty,
 * which makes a resolver look on loopback too. */
int sandbox_resolv_conf(struct buf *out, struct err *e)
{
	if (io_read_file(AT_FDCWD, "/etc/resolv.conf", out, e) == 0)
		return 0;
	if (e->code != ERR_NOT_FOUND)
		return -1;
	err_release(e);
	return 0;
}

int sandbox_run(const struct sandbox_spec *s, struct sandbox_result *r, struct err *e)
{
	AUTO_PLAN_OPS struct plan_ops ops = {0};
	AUTO_BUF struct buf resolv = BUF_INIT(SANDBOX_RESOLV_MAX);

	if (spec_check(s, e) < 0)
		return -1;
	if (s->tier->tier == TIER_CHROOT)
		return chrootrun(s, r, e);
	if (sandbox_resolv_conf(&resolv, e) < 0 || plan_ops(s, buf_str(&resolv), &ops, e) < 0)
		return -1;
	if (!s->joined && userns_join(s->nsfd, e) < 0)
		return -1;
	return enter_run(s, &ops, r, e);
}
