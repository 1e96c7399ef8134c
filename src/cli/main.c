/* slct: builds container images without a daemon and without root. */
#include <fcntl.h>
#include <unistd.h>

#include "src/cli/command.h"

/* A caller may have closed 0, 1 or 2 (`<&-`): the next file that is opened would take the number, and the messages. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	open_standard();
	return command_main(argc, argv);
}
