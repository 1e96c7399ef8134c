"""slct run, slct shell, build --shell-on-fail: commands on throw-away copies of images and stages."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import REPO, command_lines, on_terminal

BASE = "localhost/busybox:1"
B = f"FROM {BASE}\n"


def sh(slct, *args, rc=0, **kw):
    """Options, then the script as the last argument."""
    return slct.run("run", *args[:-1], BASE, "sh", "-c", args[-1], rc=rc, **kw)


def test_output_status_and_copy(any_slct):
    done = sh(any_slct, "echo out; echo err >&2; echo x > /new; ls /new; exit 7", rc=7)
    assert (done.out, done.err) == ("out\n/new\n", "err\n")
    sh(any_slct, "test ! -e /new")
    any_slct.fsck()


def test_a_reader_that_has_gone_ends_the_command(slct):
    """As without slct between them."""
    line = " ".join(map(str, slct.argv("run", BASE, "yes")))
    done = subprocess.run(["bash", "-c", line + " | head -n 1; exit ${PIPESTATUS[0]}"], env=slct.env, timeout=60,
                          capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("y\n", 141), done


def test_closed_standard_input(slct):
    line = " ".join(map(str, slct.argv("run", BASE, "echo", "said")))
    done = subprocess.run(["bash", "-c", line + " <&-"], env=slct.env, timeout=60, capture_output=True, text=True,
                          check=False)
    assert (done.stdout, done.returncode) == ("said\n", 0), done


@pytest.mark.parametrize("command, rc", [(["nosuch"], 127), (["/etc/passwd"], 126), (["sh", "-c", "kill -9 $$"], 137)])
def test_status_of_what_does_not_run(any_slct, command, rc):
    any_slct.run("run", BASE, *command, rc=rc)


def test_failures_of_slct_have_its_own_status(slct):
    assert "no image" in slct.run("run", "nosuch:1", "true", rc=3).err
    slct.run("run", "--network", "nosuch", BASE, "true", rc=2)
    slct.run("run", "-v", "/nosuch:/x", BASE, "true", rc=3)
    slct.run("run", "-u", "nosuch", BASE, "true", rc=3)


def test_options_end_at_the_image(slct):
    assert slct.run("run", "--rm", BASE, "echo", "-v", "--help", "--").out == "-v --help --\n"


def test_standard_input_only_if_asked_for(any_slct):
    assert any_slct.run("run", BASE, "cat", input=b"secret").out == ""
    big = b"0123456789abcdef" * 65536
    assert any_slct.run("run", "-i", BASE, "cat", input=big).out.encode() == big


def test_entrypoint_and_cmd(slct):
    slct.build(B + 'ENTRYPOINT ["echo","e"]\nCMD ["c"]\n')
    run = lambda *args: slct.run("run", *args).out.strip()
    assert run("test:1") == "e c"
    assert run("test:1", "x") == "e x"
    assert run("--entrypoint", "printf", "test:1", "%s!", "y") == "y!"
    assert run("--entrypoint", "", "test:1", "echo", "z") == "z"
    slct.run("run", "--entrypoint", "", "test:1", rc=2)
    slct.build(B + 'CMD echo $0\n')
    assert run("test:1") in ("/bin/sh", "sh")


def test_environment_user_directory(any_slct):
    any_slct.build(B + "ENV A=image B=image\nUSER 1000:1001\nWORKDIR /here\n")
    script = 'echo $A $B $C $D; id -u; id -g; pwd'
    done = any_slct.run("run", "test:1", "sh", "-c", script)
    assert done.out.split("\n")[:4] == ["image image", "1000", "1001", "/here"]
    file = any_slct.context({"env": "# a comment\n\nB=file\nC=file\nD\n"}) / "env"
    done = any_slct.run("run", "--env-file", file, "-e", "C=option", "-u", "0", "-w", "/made/here", "test:1", "sh",
                        "-c",
                        script, env={"D": "outer"})
    assert done.out.split("\n")[:4] == ["image file option outer", "0", "0", "/made/here"]


def test_binds(any_slct):
    folder = any_slct.context({"in": "data\n"})
    sh(any_slct, "-v", f"{folder}:/rw", "-v", f"{folder}:/ro:ro", "-v", "/empty",
       "cat /rw/in; echo new > /rw/out; ! touch /ro/x; touch /empty/x")
    assert (folder / "out").read_text() == "new\n" and not (folder / "x").exists()
    assert (folder / "out").stat().st_uid == (any_slct.user.uid if any_slct.user else 0), "it is the caller's"
    any_slct.run("run", "--mount", f"type=bind,src={folder}/in,dst=/file,readonly", "--mount", "type=tmpfs,dst=/t",
                 BASE,
                 "sh", "-c", "cat /file; ! echo >> /file; touch /t/x")
    for wrong in ["type=bind,dst=/x", "type=tmpfs,src=/,dst=/x", "type=volume,src=a,dst=/x",
                  f"type=bind,src={folder},dst=x"]:
        any_slct.run("run", "--mount", wrong, BASE, "true", rc=2)


def test_read_only_and_network(any_slct):
    done = sh(any_slct, "--read-only", "-v", "/t",
              "touch /t/x && ! touch /x && ! touch /etc/x && echo ok > /dev/shm/x && echo ok")
    assert done.out == "ok\n"
    done = sh(any_slct, "--network", "none", "ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1")
    assert set(done.out.split()) == {"lo"}, done


def test_limits(any_slct):
    assert sh(any_slct, "--ulimit", "nofile=77", "ulimit -n").out == "77\n"
    assert "longer than --timeout" in sh(any_slct, "--timeout", "1s", "sleep 60", rc=1).err


def test_terminal(any_slct):
    rc, seen = on_terminal(any_slct, "run", "-it", BASE, "sh", "-c",
                           "read x; echo got $x; [ -t 0 ] && [ -t 1 ] && exit 5",
                           keys=b"line\n")
    assert rc == 5 and "got line" in seen, seen
    assert "no terminal" in any_slct.run("run", "-it", BASE, "true", rc=2).err


def test_names_of_the_terminal(any_slct):
    rc, seen = on_terminal(any_slct, "run", "-it", BASE, "sh", "-c",
                           "tty; echo one >/dev/console; echo two >/dev/tty; ls -l /dev/console")
    assert rc == 0 and "/dev/console\r\none\r\ntwo\r\nc" in seen, seen
    assert sh(any_slct, "ls /dev/console 2>&1 || true").out != "/dev/console\n", "without -t there is none"


def test_ends_with_slct(any_slct):
    """Neither process nor directory is left behind by an interrupted run."""
    run = any_slct.popen("run", BASE, "sh", "-c", "echo up; exec sleep 4242.42")
    assert run.stdout.readline() == b"up\n"
    run.send_signal(signal.SIGINT)
    assert run.wait(30) == 130
    assert b"4242.42" not in command_lines()
    assert not list((any_slct.store / "tmp").glob("*/run.*"))


def test_docker_reference_is_pulled(slct, registry):
    repo = registry.repo()
    slct.run("push", BASE, f"{repo}:1")
    slct.run("rm", BASE)
    assert slct.run("run", f"docker://{repo}:1", "echo", "pulled").out == "pulled\n"


@pytest.mark.parametrize("form, transport",
                         [("oci-dir", "oci"), ("oci-archive", "oci-archive"), ("docker-archive", "docker-archive")])
def test_layouts_and_archives(slct, new_slct, form, transport):
    slct.build(B + "RUN echo inside > /f\nENV X=1\n", tag="it:v1")
    slct.run("save", "--format", form, "-o", "saved", "it:v1")
    other = new_slct(base=None)
    for operand in (f"{transport}:{slct.work}/saved",
                    f"{transport}:{slct.work}/saved:{'it:v1' if 'docker' in form else 'v1'}"):
        assert other.run("run", operand, "sh", "-c", "cat /f; echo $X").out == "inside\n1\n"
        assert other.run("shell", operand, input=b"cat /f").out == "inside\n"
    assert other.run("images", "-q").out == "", "nothing got a name"
    other.run("run", f"{transport}:{slct.work}/nosuch", "true", rc=3)
    assert "nosuch" in other.run("run", f"{transport}:{slct.work}/saved:nosuch", "true", rc=3).err
    slct.run("run", "store:it:v1", "true")
    other.run("run", "store:it:v1", "true", rc=3)


def test_state_of_a_goal(slct):
    """run, too, takes GOAL@N."""
    flavor = slct.flavor({"base": B + "RUN echo a > /f\nRUN echo b >> /f\n"})
    assert slct.run("run", f"{flavor}:base@2", "cat", "/f").out == "a\n"
    assert slct.run("run", f"{flavor}:base", "cat", "/f").out == "a\nb\n"


def test_goals(slct):
    flavor = slct.flavor({"base": B + "RUN echo base > /f\n", "top": "FROM {{ base }}\nRUN echo top >> /f\n"})
    assert slct.run("run", f"{flavor}:top", "cat", "/f").out == "base\ntop\n"
    assert slct.run("run", "base", "cat", "/f", cwd=flavor).out == "base\n"
    assert slct.run("shell", "base", cwd=flavor, input=b"cat /f; exit 3", rc=3).out == "base\n"
    folder = slct.context({"Dockerfile": B + "RUN echo one > /f\n"})
    assert slct.run("run", ".", "cat", "/f", cwd=folder).out == "one\n"


def test_shell_before_a_step(any_slct):
    folder = any_slct.context({"Dockerfile": B + "ENV X=1\nRUN echo a > /a\nUSER 1000\nENV X=2\nRUN false\nRUN true\n"})
    look = lambda at: any_slct.run("shell", f"{folder}@{at}", input=b"ls /a 2>&1; id -u; echo X=$X").out.split("\n")
    assert look(2)[0] != "/a" and look(2)[1:3] == ["0", "X=1"]
    assert look(5)[:3] == ["/a", "1000", "X=2"], "the step that fails is not needed for the state before it"
    assert "there is no @9" in any_slct.run("shell", f"{folder}@9", rc=3).err
    any_slct.run("shell", f"{folder}@x", rc=2)
    any_slct.run("shell", str(folder), rc=1)


def test_shell_on_fail(any_slct):
    folder = any_slct.context({"Dockerfile": B + "RUN echo a > /a\nENV X=7\nUSER 1000\nRUN echo b > /tmp/b; false\n"})
    rc, seen = on_terminal(any_slct, "build", "--shell-on-fail", str(folder),
                           keys=b"ls /a /tmp/b; echo $X-$((X+1)) $(id -u)\nexit\n")
    assert rc == 1 and "7-8 1000" in seen, seen
    assert "/tmp/b: No such file" in seen, "the failed step's own changes are not there"
    assert "no terminal" in any_slct.run("build", "--shell-on-fail", folder, rc=1).err


def test_chroot(new_slct):
    """As root of an ordinary container: what needs mounts is refused, the rest works."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    one = new_slct()
    prefix = [sys.executable, str(REPO / "tests/integration/confine.py"), "docker"]
    assert one.run("run", "-i", BASE, "sh", "-c", "cat; echo x > /x; cat /x; exit 3", input=b"in\n", rc=3,
                   prefix=prefix).out == "in\nx\n"
    for wrong in (["--network", "none"], ["--read-only"], ["-v", "/etc:/e"]):
        assert 'isolation "chroot"' in one.run("run", *wrong, BASE, "true", rc=5, prefix=prefix).err
