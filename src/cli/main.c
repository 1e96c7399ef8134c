/* slct: builds container images without a daemon and without root. */
#include "src/cli/command.h"

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
