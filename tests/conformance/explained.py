"""Differences from the recorded results that are right: by tier of isolation, with the reason (docs/conformance.md).

A case counts as explained if each line of its differences is.
"""
import collections
import fnmatch
import re

# tiers: which it holds in, None: all. case: a glob. line: what the harness prints about the difference.
Row = collections.namedtuple("Row", "tiers case line why")

USERS = ("range", "solo")
# What slct says of a step that asked for /proc in tier chroot (src/build/noproc.c).
NO_PROC = r"build failed \(\d+\): .*of which the step or its output speaks; nothing can be mounted in this container"
ROWS = tuple(Row(tiers, case, re.compile(line), why) for tiers, case, line, why in (
    (None, "kaniko/1097", r"/etc/shadow: sha256 is ",
     "useradd writes a day into /etc/shadow: that of SOURCE_DATE_EPOCH here, that of the recording there"),
    (None, "makisu/symlink", r"/etc/shadow: sha256 is ",
     "useradd writes a day into /etc/shadow: that of SOURCE_DATE_EPOCH here, that of the recording there"),
    (None, "buildkit/testMountTmpfsSize-1", r"/tmpfssize: ",
     "the options of a tmpfs mount are shown: slct adds nodev"),
    (USERS, "buildah-conformance/dockerignore-*", r"build failed \(\d+\): .*\.dockerignore: .*Permission denied",
     "the .dockerignore of these contexts has mode 0100: only root can read it"),
    (("range",), "makisu/symlink", r"(missing )?/home/umakisu\b",
     "useradd -m gives it to uid 234567, which is outside of the user's ids: slct warns, and --isolation solo keeps "
     "it"),
    (("chroot",), "bud/inline-network-Dockerfile4", NO_PROC, "it reads /proc/self/ns/net, and no proc can be mounted"),
    (("chroot",), "bud/bud.limits-Containerfile", NO_PROC, "it reads /proc/self/limits, and no proc can be mounted"),
    (("chroot",), "bud/supplemental-groups-Dockerfile", NO_PROC, "it reads /proc/$$/status, and no proc can be "
                                                                 "mounted"),
    (("chroot",), "bud/heredoc-Containerfile", NO_PROC, "it reads /proc/self/fd/5, and no proc can be mounted"),
    (("chroot",), "bud/stdio-Dockerfile", NO_PROC, "it reads /dev/stdin, which leads to /proc, and no proc can be "
                                                   "mounted"),
    (("chroot",), "kaniko/issue_mz896", NO_PROC, "it reads /proc/sys/kernel/random/uuid, and no proc can be mounted"),
    (("chroot",), "buildkit/testRunComplexHeredoc-1", r"missing /fd[34] ",
     "awk reads /proc/self/fd/3 and passes over its absence: no proc can be mounted"),
))


def reason(tier, case, line):
    return next((row.why for row in ROWS if (row.tiers is None or tier in row.tiers)
                 and fnmatch.fnmatchcase(case, row.case) and row.line.match(line.strip())), None)


def why(tier, case, lines):
    """Why none of the differences of a case counts, or None."""
    reasons = [reason(tier, case, line) for line in lines]
    return "; ".join(sorted(set(reasons))) if reasons and all(reasons) else None
