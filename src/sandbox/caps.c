/* Capability sets by capset(2) and prctl(2), without libcap. */
#include "src/sandbox/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))

/* Podman's default list. */
#define CAPS_USERNS                                                                                                    \
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) |                  \
	 BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) |         \
	 BIT(CAP_SYS_CHROOT))
/* Docker's default list. */
#define CAPS_ROOT (CAPS_USERNS | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_AUDIT_WRITE))

uint64_t caps_of_tier(enum tier t)
{
	return t == TIER_ROOT || t == TIER_CHROOT ? CAPS_ROOT : CAPS_USERNS;
}

static int cap_read(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &h, data);
}

uint64_t caps_effective(void)
{
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};

	if (cap_read(d) < 0)
		return 0;
	return d[0].effective | (uint64_t)d[1].effective << 32;
}

int caps_bound(uint64_t keep, struct err *e)
{
	/* The kernel says EINVAL beyond its last capability, which may be newer than our headers. */
	for (unsigned long c = 0; c < 64; c++) {
		if (keep & BIT(c))
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return err_sys(e, ERR_HOST, errno, "dropping capability %lu from the bounding set", c);
		}
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_sys(e, ERR_HOST, errno, "clearing the ambient capabilities");
	return 0;
}

int caps_limit(uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {0};

	if (cap_read(d) < 0)
		return err_sys(e, ERR_HOST, errno, "capget");
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		d[i].permitted &= (uint32_t)(keep >> (32 * i));
		d[i].effective = d[i].permitted;
		d[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &h, d) < 0)
		return err_sys(e, ERR_HOST, errno, "capset");
	return 0;
}
