/* Set the loopback interface up. */
#include "src/sandbox/loopback.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "src/util/cleanup.h"

int loopback_up(struct err *e)
{
	struct ifreq req = {.ifr_name = "lo"};
	AUTO_CLOSE int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return err_sys(e, ERR_HOST, errno, "socket for the loopback interface");
	req.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &req) < 0)
		return err_sys(e, ERR_HOST, errno, "setting the loopback interface up");
	return 0;
}
