"""Tier chroot (root of an ordinary container: no namespaces, no mounts), roots without an overlay, deep stacks."""
import io
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from lab import REPO, lack

CONFINE = [sys.executable, REPO / "tests/tools/confine.py"]

# Each way in which a step can change what lies below it, and what must not be captured.
TEXT = """\
FROM localhost/busybox:1 AS one
RUN mkdir -p /d/sub /gone /again /links && echo 1 >/d/a && echo 2 >/d/sub/b && echo x >/gone/x && echo y >/again/y \\
    && echo l >/links/one && ln /links/one /links/two && ln -s /d /link
COPY f.txt dir /copied/
RUN rm -r /gone && rm -r /again && mkdir /again && echo new >/again/z && echo 3 >>/d/a && chmod 700 /d/sub \\
    && mv /copied/f.txt /moved && rm /links/two && chown 5:6 /d/sub/b
WORKDIR /work/deep
USER 33:44
RUN id -u >/tmp/uid && id -g >/tmp/gid && echo hosts >/tmp/h
USER 0
RUN mkdir -p /lib9 && mv /d /lib9/d && mkfifo /fifo && rm /link && mkdir /link
FROM localhost/busybox:1
COPY --from=one /lib9 /again /
COPY --from=one --chown=7:8 /tmp/uid /u
RUN --mount=type=cache,target=/var/cache/c --mount=type=bind,target=/ctx --mount=type=bind,from=one,source=/tmp,target=/m \\
    --mount=type=tmpfs,target=/t --mount=type=secret,id=s,target=/run/secrets/s \\
    cat /ctx/f.txt /m/gid /run/secrets/s >/dev/null && echo 1 >>/var/cache/c/log && cp /var/cache/c/log /log && echo t >/t/x
RUN --mount=type=secret,id=s,target=/etc/deep/er/conf test "$(cat /etc/deep/er/conf)" = secret-value
RUN true
"""
FILES = {"f.txt": "context\n", "dir/g": "g\n"}


def diff_ids(slct, name="test:1"):
    return slct.config(name)["rootfs"]["diff_ids"]


def build(slct, *args, text=TEXT, prefix=(), **kw):
    folder = slct.context({"Dockerfile": text, **FILES})
    (slct.work / "secret").write_text("secret-value")
    return slct.run("build", "--offline", "-t", "test:1", "--secret", f"id=s,src={slct.work}/secret", *args, folder,
                    prefix=prefix, **kw)


def need_root():
    if os.geteuid():
        lack("root")


@pytest.fixture
def confined(slct):
    """slct as root of a container that docker made with its defaults."""
    need_root()
    return slct


def first_line(done):
    return next(line for line in done.err.splitlines() if line.startswith("isolation: "))


def rootless_line(done, tier):
    return first_line(done).split()[1] == tier


def test_same_layers_as_root(confined, new_slct):
    done = build(confined, prefix=CONFINE)
    assert rootless_line(done, "chroot") and "CAP_SYS_ADMIN" in first_line(done)
    other = new_slct()
    assert rootless_line(build(other, "--isolation", "root"), "root")
    assert diff_ids(confined) == diff_ids(other)
    again = build(confined, prefix=CONFINE)
    assert again.ran == []
    image = confined.image()
    assert "etc/deep" not in image.files and "ctx" not in image.files and "t" not in image.files
    assert image.files["u"].owner == "7:8" and image.files["u"].text == "33\n"
    assert not any(b"secret-value" in (f.data or b"") for f in image.files.values())
    assert not any((confined.store / "tmp").iterdir())
    confined.fsck()


def test_image_keeps_its_own_hosts(confined):
    text = "FROM localhost/busybox:1\nCOPY f.txt /etc/hosts\nRUN cat /etc/hosts && echo lost >/etc/hosts && touch /x\n"
    done = build(confined, text=text, prefix=CONFINE)
    assert "127.0.0.1\tlocalhost" in done.err and "context" not in done.err.split("cat /etc/hosts")[-1]
    image = confined.image()
    assert image.files["etc/hosts"].text == "context\n"
    assert sorted(path for path, _ in image.layers[-1]) == ["x"]


def marked(mark):
    """Processes whose environment or command line holds the mark."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if mark.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_no_process_outlives_the_step(confined):
    text = """\
FROM localhost/busybox:1
RUN (sleep 87651 &) ; sh -c 'trap "" TERM HUP INT; (sleep 87652 & sleep 87653) & exit 0' ; \\
    i=0; while [ $i -lt 30 ]; do sh -c 'sleep 87654 & sleep 87655 &' & i=$((i+1)); done; echo done
"""
    build(confined, text=text, prefix=CONFINE)
    assert not marked("8765")


def test_time_limit_ends_all(confined):
    text = "FROM localhost/busybox:1\nRUN (sleep 86541 &) ; sleep 86542\n"
    done = build(confined, "--step-timeout", "1s", text=text, prefix=CONFINE, rc=None)
    assert done.rc and "took longer" in done.err
    assert not marked("8654")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_leaves_no_process(confined, how):
    folder = confined.context({"Dockerfile": "FROM localhost/busybox:1\nRUN (sleep 85431 &) ; sleep 85432\n"})
    run = subprocess.Popen([*CONFINE, *confined.argv("build", "--offline", folder)], env=confined.env,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait_for(lambda: len(marked("sleep\x008543")) == 2)
    run.send_signal(how)
    run.wait(timeout=30)
    assert wait_for(lambda: not marked("sleep\x008543"))
    build(confined, text="FROM localhost/busybox:1\nRUN true\n", prefix=CONFINE)
    assert not any((confined.store / "tmp").iterdir())


def test_cache_survives_a_failed_step(confined):
    step = "FROM localhost/busybox:1\nRUN --mount=type=cache,target=/c echo {} >>/c/log && cat /c/log && {}\n"
    build(confined, text=step.format("one", "false"), prefix=CONFINE, rc=None)
    done = build(confined, text=step.format("two", "true"), prefix=CONFINE)
    assert "one" in done.err and "two" in done.err


def test_what_the_root_does_not_let_out(confined):
    """The ways out that are shut: chroot(2) again, descriptors of ours, device nodes of the host, /proc."""
    secret = confined.work / "host-file"
    secret.write_text("canary")
    text = """\
FROM localhost/busybox:1
RUN mkdir -p /x; if chroot /x /bin/true 2>/dev/null; then echo CHROOT-ALLOWED; fi; \\
    for i in 3 4 5 6 7 8 9 10 11 12; do if (: <&$i) 2>/dev/null; then echo FD-$i-OPEN; fi; done; \\
    cd ..; cd ../../../../..; if [ "$(ls)" != "$(ls /)" ]; then echo names-differ; fi; ls /proc | wc -l; \\
    mknod /disk b 240 0 && (: </disk) 2>&1; if mount -t tmpfs none /x 2>/dev/null; then echo MOUNT-ALLOWED; fi; true
"""
    done = build(confined, text=text, prefix=CONFINE)
    said = done.err.split("DONE")[0].split("true\n", 1)[-1]
    for word in ("CHROOT-ALLOWED", "OPEN", "MOUNT-ALLOWED", "canary", "names-differ"):
        assert word not in said, done
    assert "[stage-0] 0\n" in said
    assert secret.read_text() == "canary"


def test_stages_at_once_have_roots_of_their_own(confined):
    stage = "FROM localhost/busybox:1 AS s{0}\nRUN echo {0} >/mine && sleep 0.3 && test \"$(cat /mine)\" = {0}\n"
    text = "".join(stage.format(i) for i in range(4)) + "FROM scratch\n" + "".join(
        f"COPY --from=s{i} /mine /m{i}\n" for i in range(4))
    build(confined, "--jobs", "4", text=text, prefix=CONFINE)
    files = confined.image().files
    assert [files[f"m{i}"].text for i in range(4)] == ["0\n", "1\n", "2\n", "3\n"]


def test_what_it_cannot_do_is_said(confined):
    text = "FROM localhost/busybox:1\nRUN --network=none true\n"
    done = build(confined, text=text, prefix=CONFINE, rc=None)
    assert done.rc and "without network" in done.errors[0] and "hint:" in done.err
    done = confined.run("build", "--offline", "--isolation", "chroot", confined.context({"Dockerfile": TEXT}),
                        prefix=[*CONFINE, "--no-mknod"], rc=None)
    assert done.rc and "device node" in done.errors[0] and "MKNOD" in done.err


# --- no overlay, but namespaces ---

@pytest.mark.parametrize("prefix", [(), CONFINE], ids=["root", "chroot"])
def test_store_on_an_overlay(empty, bases, new_slct, on_overlay, prefix):
    other = new_slct()
    build(other, "--isolation", "root")
    empty.store = on_overlay / "store"
    empty.env["SLCT_ROOT"] = str(empty.store)
    empty.run("import", bases("busybox"), "localhost/busybox:1")
    done = build(empty, prefix=prefix)
    assert ("copies" in first_line(done)) == (not prefix)
    assert diff_ids(empty) == diff_ids(other)
    assert empty.image().files.keys() == other.image().files.keys()
    empty.fsck()


BIG = 150 << 20   # twice this is more than the file system holds


def big_base(path, bases):
    """busybox and a large file that nothing compresses to holes."""
    block = os.urandom(1 << 20)
    info = tarfile.TarInfo("big")
    info.size = BIG
    with tarfile.open(path, "w") as out, tarfile.open(bases("busybox")) as base:
        for member in base:
            out.addfile(member, base.extractfile(member) if member.isreg() else None)
        out.addfile(info, io.BufferedReader(Repeated(block, BIG)))


class Repeated(io.RawIOBase):
    def __init__(self, block, size):
        super().__init__()
        self.block, self.left = block, size

    def readable(self):
        return True

    def readinto(self, out):
        n = min(len(out), self.left, len(self.block))
        out[:n] = self.block[:n]
        self.left -= n
        return n


@pytest.mark.parametrize("make", ["mkfs.xfs", "mkfs.btrfs"])
def test_store_on_a_file_system_with_reflinks(empty, bases, new_slct, work, make):
    need_root()
    if not any(os.access(f"{d}/{make}", os.X_OK) for d in ("/sbin", "/usr/sbin")):
        lack(f"{make} is not installed")
    image, place = work / "disk", work / "place"
    place.mkdir()
    with open(image, "wb") as f:
        f.truncate(320 << 20)
    subprocess.run([make, "-q" if "xfs" in make else "-f", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, place], check=False).returncode:
        lack("loop devices")
    try:
        other = new_slct()
        build(other, "--isolation", "root")
        empty.env["SLCT_ROOT"] = str(place / "store")
        empty.store = place / "store"
        empty.run("import", bases("busybox"), "localhost/busybox:1")
        build(empty, prefix=CONFINE)
        assert diff_ids(empty) == diff_ids(other)
        # The step's root is a copy of the layers, for which there is no room but by reflinks.
        big_base(work / "big.tar", bases)
        empty.run("import", work / "big.tar", "localhost/big:1")
        build(empty, text="FROM localhost/big:1\nRUN test $(wc -c </big) = %d && touch /x\n" % BIG, prefix=CONFINE)
    finally:
        subprocess.run(["umount", "-l", place], check=True)


# --- deep stacks ---

def deep_text(steps, base="localhost/busybox:1"):
    lines = [f"FROM {base}"]
    for i in range(steps):
        if i % 7 == 3:
            lines.append(f"RUN rm -rf /top && mkdir /top && echo {i} >/top/x{i}")
        elif i % 7 == 5:
            lines.append(f"RUN rm -f /f{i - 1} && echo again >/f{i - 3}")
        else:
            lines.append(f"RUN echo {i} >/f{i}")
    return "\n".join(lines) + "\n"


def folds(slct):
    return sorted(p.name for p in (slct.store / "layers").glob("*/*.fold"))


def test_deep_stacks_are_folded(slct, new_slct):
    need_root()
    build(slct, "--isolation", "root", text=deep_text(80))
    assert len(folds(slct)) >= 8
    plain = new_slct()   # no overlay, so no folds
    build(plain, "--isolation", "chroot", text=deep_text(80))
    assert folds(plain) == [] and diff_ids(slct) == diff_ids(plain)
    before = folds(slct)
    done = build(slct, "--isolation", "root", text=deep_text(80) + "RUN ls / >/names\n")
    assert len(done.ran) == 1 and set(before) <= set(folds(slct))
    slct.fsck()
    slct.run("rm", "test:1")
    slct.run("gc", "--all")
    assert folds(slct) == []


@pytest.mark.slow
def test_more_layers_than_an_overlay_takes(slct):
    need_root()
    text = "FROM localhost/busybox:1\n" + "".join(f"COPY f.txt /f{i}\n" for i in range(520))
    build(slct, "--isolation", "root", text=text, timeout=600)
    assert len(diff_ids(slct)) == 521
    slct.run("tag", "test:1", "localhost/deep:1")
    done = build(slct, "--isolation", "root", text="FROM localhost/deep:1\nRUN ls / | grep -c '^f[0-9]'\n")
    assert "520" in done.err


# --- what is there without /proc ---

def test_standard_output_has_a_name(confined):
    text = """\
FROM localhost/busybox:1
RUN echo 1-named >/dev/stdout; echo 2-plain; echo 3-named >/dev/stderr; echo 4-plain >&2; echo 5-named >>/dev/stdout
USER 33:44
RUN echo by-a-user >/dev/stdout
"""
    done = build(confined, text=text, prefix=CONFINE)
    said = [line.split("] ", 1)[1] for line in done.err.splitlines() if line.startswith("[stage-0] ")]
    assert said == ["1-named", "2-plain", "3-named", "4-plain", "5-named", "by-a-user"]
    assert "where a program's output was redirected" in done.err


def test_each_step_is_warned_of_by_itself(confined):
    """What watches the names is handed on from step to step."""
    text = """\
FROM localhost/busybox:1
RUN echo many >/dev/stdout; for i in 1 2 3 4 5; do echo $i >>/dev/stdout; done
RUN echo none
RUN echo one >/dev/stderr
RUN echo none again
"""
    done = build(confined, "--jobs", "1", "--progress", "plain", text=text, prefix=CONFINE)
    assert done.err.count("where a program's output was redirected") == 2, done


def test_output_without_its_name_is_no_warning(confined):
    """More than a pipe holds, to the last byte, in order."""
    text = "FROM localhost/busybox:1\nRUN seq 1 30000; seq 30001 60000 >&2; echo the end\n"
    done = build(confined, text=text, prefix=CONFINE)
    said = [line.split("] ", 1)[1] for line in done.err.splitlines() if line.startswith("[stage-0] ")]
    assert said == [*map(str, range(1, 60001)), "the end"]
    assert "warning" not in done.err


def test_time_limit_of_a_step_that_writes_without_end(confined):
    done = build(confined, "--step-timeout", "1s", text="FROM localhost/busybox:1\nRUN yes\n", prefix=CONFINE, rc=None)
    assert done.rc and "took longer than --step-timeout" in done.errors[0]


def test_here_documents(confined):
    text = """\
FROM localhost/busybox:1
RUN cat <<ONE >/one && tr a-z A-Z <<TWO >/two
first
ONE
second
TWO
RUN <<END
cat >/three <<X
third
X
END
"""
    done = build(confined, text=text, prefix=CONFINE)
    files = confined.image().files
    assert [files[name].text for name in ("one", "two", "three")] == ["first\n", "SECOND\n", "third\n"]
    assert "/proc" not in done.err


@pytest.mark.parametrize("command", ["cat /proc/self/status", "cat </dev/stdin", "test -e /proc/self/fd"])
def test_remedy_of_a_step_that_needs_proc(confined, command):
    done = build(confined, text=f"FROM localhost/busybox:1\nRUN {command}\n", prefix=CONFINE, rc=None)
    hint = done.err.split("hint: ")[1]
    assert done.rc and 'isolation "chroot" has no /proc' in hint and "--cap-add SYS_ADMIN" in hint
    done = build(confined, text=f"FROM localhost/busybox:1\nRUN {command} || touch /x\n", prefix=CONFINE)
    assert "warning: " in done.err and "may be missing in the image" in done.err
