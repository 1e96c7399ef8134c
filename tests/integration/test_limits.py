"""Limits of a step: --ulimit, --shm-size, --step-timeout, and --memory, --cpus, --pids-limit by control groups."""
import os
import re
import subprocess
from pathlib import Path

import pytest

from lab import lack, need

B = "FROM localhost/busybox:1\n"
CONTROLLERS = {"--memory": "memory", "--cpus": "cpu", "--pids-limit": "pids"}


def ulimit(slct, *args, **kw):
    done = slct.build(B + "RUN ulimit -Sn; ulimit -Hn; ulimit -Sc\n", *args, **kw)
    return re.findall(r"^\[stage-0\] (\S+)$", done.err, re.M)


def test_soft_and_hard(any_slct):
    assert ulimit(any_slct, "--ulimit", "nofile=100:200", "--ulimit", "core=0") == ["100", "200", "0"]


def test_hard_is_soft_without_one(slct):
    assert ulimit(slct, "--ulimit", "nofile=77", "--ulimit", "core=0")[:2] == ["77", "77"]


def test_a_limit_is_kept(any_slct):
    """The file stops growing at the limit, and the step's failure says by what it ended."""
    done = any_slct.build(B + "RUN dd if=/dev/zero of=/big bs=1k count=100\n", "--ulimit", "fsize=10240", rc=1)
    assert "File size limit" in done.err or "File too large" in done.err, done


def test_user_of_a_step_has_the_limit_too(slct):
    done = slct.build(B + "USER 1000\nRUN ulimit -Sn\n", "--ulimit", "nofile=99")
    assert "[stage-0] 99" in done.err


def test_limits_are_in_the_key(slct):
    folder = slct.context({"Dockerfile": B + "RUN ulimit -n > /n\n"})
    slct.build(folder, "--ulimit", "nofile=100")
    assert slct.build(folder, "--ulimit", "nofile=100").cached == ["stage-0 1"]
    assert slct.build(folder, "--ulimit", "nofile=9", "--ulimit", "nofile=100:100").cached == ["stage-0 1"], "the same"
    assert slct.build(folder, "--ulimit", "nofile=101").ran == ["stage-0 1"]
    assert slct.build(folder).ran == ["stage-0 1"]


def test_plan_knows_limits(slct):
    """What build would take from the cache with these options, plan shows so."""
    folder = slct.context({"Dockerfile": B + "RUN true > /x\n"})
    slct.build(folder, "--ulimit", "nofile=100", "--shm-size", "1m")
    assert '"local"' in slct.run("plan", "--format", "json", "--ulimit", "nofile=100", "--shm-size", "1m", folder).out
    assert '"local"' not in slct.run("plan", "--format", "json", folder).out


@pytest.mark.parametrize("text, why", [
    ("nofile", "NAME=SOFT"), ("files=1", "unknown limit"), ("nofile=5:4", "above the hard"), ("nofile=1k", "a number"),
])
def test_wrong_limits(slct, text, why):
    done = slct.build(B, "--ulimit", text, rc=2)
    assert why in done.err and text.split("=")[0] in done.err


def test_above_the_hard_limit(new_slct, user):
    """Nobody but the machine's administrator may raise a limit; the one that is in the way is named."""
    done = new_slct(user).build(B + "RUN true\n", "--ulimit", "nofile=1000000000", rc=5)
    assert "hard limit here is" in done.err and "hint:" in done.err


def test_shm_size(slct):
    done = slct.build(B + "RUN df -k /dev/shm | tail -n 1\n", "--shm-size", "3m")
    assert re.search(r" 3072 ", done.err), done


def test_step_timeout(slct):
    done = slct.build(B + "RUN sleep 600 & sleep 600\n", "--step-timeout", "300ms", rc=1)
    assert "--step-timeout" in done.errors[0] and done.seconds < 60


@pytest.mark.parametrize("args", [("--cpus", "x"), ("--cpus", "0"), ("--cpus", "1.2.3"), ("--memory", "lots"),
                                  ("--pids-limit", "many")])
def test_wrong_values(slct, args):
    assert args[0] in slct.build(B, *args, rc=2).err


# --- control groups ---

def group_of(pid="self"):
    """The directory of a process's control group of version 2, or None."""
    path = [line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::/")]
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines() if " - cgroup2 " in line]
    return Path(mounts[0][4], path[0].lstrip("/")) if path and mounts else None


def controllers():
    group = group_of()
    return set((group / "cgroup.controllers").read_text().split()) if group else set()


@pytest.fixture
def groups():
    """Control groups of version 2 that root may make. A machine of version 1 cannot get them by installing anything."""
    if os.geteuid() != 0:
        lack("not root")
    if not {"memory", "cpu", "pids"} <= controllers():
        pytest.skip("the controllers memory, cpu and pids are not in version 2's hierarchy here")


@pytest.mark.parametrize("option, value", [("--memory", "64m"), ("--cpus", "1"), ("--pids-limit", "10")])
def test_limits_that_cannot_be_had(slct, option, value):
    """Asked for and impossible is an error that names why and what helps, never a step without its limit."""
    done = slct.build(B + "RUN true\n", option, value, rc=None)
    if done.rc:
        assert done.rc == 5 and "limits of a step" in done.err and "hint:" in done.err and not done.ran
    else:
        assert CONTROLLERS[option] in controllers()


def test_no_control_groups_at_all(slct):
    if os.geteuid() != 0:
        lack("not root")
    hide = "umount -l /sys/fs/cgroup && exec \"$@\""
    done = slct.build(B + "RUN true\n", "--memory", "64m", rc=5, prefix=[need("unshare"), "-m", "sh", "-c", hide, "sh"])
    assert "control groups of version 2" in done.err and "docker run --memory" in done.err


def left():
    return [p.name for base in (group_of(), group_of().parent) for p in base.glob("slct-*")]


def test_memory(slct, groups):
    done = slct.build(B + "RUN dd if=/dev/zero of=/dev/null bs=200M count=1; echo survived\n", "--memory", "32m", rc=1)
    assert "out of memory" in done.errors[0] and "--memory 32" in done.errors[0] and "] survived" not in done.err
    slct.build(B + "RUN dd if=/dev/zero of=/dev/null bs=4M count=1\n", "--memory", "64m")
    assert left() == []


def test_processes(slct, groups):
    fork = "RUN for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait\n"
    assert "--pids-limit 5" in slct.build(B + fork, "--pids-limit", "5", rc=1).err
    slct.build(B + fork, "--pids-limit", "50")
    assert left() == []


def test_processors(slct, groups):
    """The quota is what the group says while the step runs."""
    step = slct.popen("build", "--cpus", "0.5", slct.context({"Dockerfile": B + "RUN read x < /dev/zero; sleep 30\n"}))
    try:
        for _ in range(200):
            found = [p for base in (group_of(), group_of().parent) for p in base.glob("slct-step.*/cpu.max")]
            if found and found[0].parent.joinpath("cgroup.procs").read_text():
                break
            subprocess.run(["sleep", "0.05"], check=True)
        assert found[0].read_text().split() == ["50000", "100000"]
    finally:
        step.kill()
        step.wait()
    slct.build(B + "RUN true\n", "--cpus", "0.5")
    assert left() == [], "what a killed build leaves, the next one removes"


def test_limits_of_control_groups_are_in_no_key(slct, groups):
    folder = slct.context({"Dockerfile": B + "RUN true > /x\n"})
    slct.build(folder)
    assert slct.build(folder, "--memory", "64m", "--cpus", "1", "--pids-limit", "50").cached == ["stage-0 1"]


def test_delegated_group_of_a_user(new_slct, user, groups):
    """As systemd-run --user --scope -p Delegate=yes makes it: slct is alone in a group that the user owns."""
    group = group_of() / f"slct-test-{os.getpid()}"
    subtree = group.parent / "cgroup.subtree_control"
    try:
        subtree.write_text("+memory")
    except OSError:
        pytest.skip("other processes are in the group of the tests")
    group.mkdir()
    try:
        for path in (group, group / "cgroup.procs", group / "cgroup.subtree_control"):
            os.chown(path, user.uid, user.gid)
        enter = [need("sh"), "-c", f"echo $$ > {group}/cgroup.procs; exec \"$@\"", "sh"]
        one = new_slct(user)
        done = one.build(B + "RUN dd if=/dev/zero of=/dev/null bs=200M count=1\n", "--memory", "32m", rc=1,
                         prefix=enter)
        assert "out of memory" in done.errors[0]
        assert [p for p in group.iterdir() if p.is_dir()] == []
    finally:
        group.rmdir()
