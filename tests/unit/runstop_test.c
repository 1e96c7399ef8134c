/* Names of signals as images have them. */
#include <signal.h>

#include "src/run/runstop.h"
#include "tests/unit/unit.h"

START_TEST(test_names)
{
	static const struct {
		const char *text;
		int signo;
	} rows[] = {{"SIGTERM", SIGTERM},
		    {"TERM", SIGTERM},
		    {"SIGINT", SIGINT},
		    {"9", 9},
		    {"64", 64},
		    {"0", 0},
		    {"65", 0},
		    {"SIGNO", 0},
		    {"term", 0},
		    {"", 0}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(runstop_signal(rows[i].text) == rows[i].signo, "%s", rows[i].text);
}
END_TEST

START_TEST(test_nothing_to_stop)
{
	const struct runstop none[] = {{0, 0, 0}, {-1, 0, 0}};

	runstop(none, ARRAY_LEN(none));
	runstop(NULL, 0);
}
END_TEST

UNIT_MAIN("runstop", test_names, test_nothing_to_stop)
