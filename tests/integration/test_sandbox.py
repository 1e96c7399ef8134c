"""RUN steps as root and as an ordinary user: owners, isolation, and what is left after a violent end."""
import os
import re
import signal
import subprocess
import time

import pytest

from lab import lack, need

B = "FROM localhost/busybox:1\n"


def test_tier_is_told(new_slct, user):
    if os.geteuid() == 0:
        assert "isolation: root" in new_slct().build(B + "RUN true\n").err
    assert "isolation: range" in new_slct(user).build(B + "RUN true\n").err


def test_root_may_use_the_range_tier(slct):
    """Asked for by option: refused with the remedy where root has no subordinate ids."""
    done = slct.build(B + "RUN true\n", "--isolation", "range", rc=None)
    if done.rc:
        assert done.rc == 5 and "subuid" in done.err and "hint:" in done.err


def test_owners_and_setuid_bits(any_slct):
    any_slct.build(B + """\
RUN touch /a /b /c /d && chown 1:1 /a && chown 0:42 /b && chown 1000:1000 /c && chown 65534:65534 /d && \\
    mkdir /dir && chown 7:8 /dir && chmod 2770 /dir && touch /dir/inherits
RUN cp /bin/busybox /su && chmod 4755 /su && cp /bin/busybox /sg && chown 0:50 /sg && chmod 2755 /sg
RUN chmod 600 /a && stat -c '%u:%g %a' /a /c /su > /seen
USER 1000
RUN touch /tmp/mine
""")
    image = any_slct.image()
    owners = {n: image[n].owner for n in ("a", "b", "c", "d", "dir", "dir/inherits", "tmp/mine")}
    assert owners == {"a": "1:1", "b": "0:42", "c": "1000:1000", "d": "65534:65534", "dir": "7:8",
                      "dir/inherits": "0:8", "tmp/mine": "1000:0"}
    assert image["su"].mode == 0o4755 and image["sg"].mode == 0o2755 and image["sg"].owner == "0:50"
    assert image["dir"].mode == 0o2770 and image["a"].mode == 0o600
    assert image.text("seen") == "1:1 600\n1000:1000 644\n0:0 4755\n"


def test_setuid_programs_work_in_a_step(any_slct):
    """A program of root with the setuid bit gives a switched user root's powers, as su and sudo need it."""
    source = any_slct.work / "who.c"
    source.write_text("#include <stdio.h>\n#include <unistd.h>\n"
                      'int main(void) { printf("%d %d\\n", (int)getuid(), (int)geteuid()); return 0; }\n')
    program = any_slct.work / "who"
    subprocess.run([need("gcc"), "-static", "-o", program, source], check=True)
    any_slct.build(B + "COPY --chmod=4755 who /bin/show-ids\nUSER 1000\nRUN show-ids > /tmp/id\n",
                   files={"who": program.read_bytes()})
    assert any_slct.image().text("tmp/id") == "1000 0\n"


def test_namespaces(any_slct):
    any_slct.build(B + """\
RUN ls /proc | grep -c '^[0-9]' > /processes; echo $$ > /pid; hostname > /hostname; \\
    grep -c . /proc/sysvipc/shm > /shm || true; readlink /proc/self/root > /rootlink
RUN ! grep -q slct /proc/1/environ; cat /proc/1/cmdline | tr '\\0' ' ' > /init
""")
    image = any_slct.image()
    assert int(image.text("processes")) <= 5
    assert int(image.text("pid")) < 20
    assert image.text("hostname").strip() != os.uname().nodename
    assert image.text("shm") == "1\n", "only the heading"


def test_proc_is_masked(any_slct):
    any_slct.build(B + r"""RUN for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug; do \
    [ -e $f ] || continue; n=$(head -c 100 $f 2>/dev/null | wc -c); echo $f $n; done > /masked; \
    (echo 1 > /proc/sysrq-trigger) 2>/dev/null && echo wrote-sysrq >> /masked; \
    (echo 1 > /proc/sys/kernel/panic) 2>/dev/null && echo wrote-sys >> /masked; \
    (mkdir /sys/fs/cgroup/x) 2>/dev/null && echo made-cgroup >> /masked; true
""")
    text = any_slct.image().text("masked")
    assert "wrote" not in text and "made" not in text
    assert all(line.endswith(" 0") for line in text.splitlines()), text


def test_no_dangerous_powers(any_slct):
    any_slct.build(B + """\
RUN for c in 'mount -t tmpfs x /mnt' 'mount -o remount,rw /proc/sys' 'umount /proc' 'hostname evil' \\
    'swapoff -a' 'dmesg -c' 'unshare -U true' 'chroot /proc/1/root true' 'insmod x'; do \\
    mkdir -p /mnt; $c >/dev/null 2>&1 && echo "$c" >> /done; done; grep Cap /proc/self/status > /caps; \\
    grep Seccomp: /proc/self/status >> /caps; true
""")
    image = any_slct.image()
    done = image.text("done").splitlines() if "done" in image else []
    assert not {"mount -t tmpfs x /mnt", "mount -o remount,rw /proc/sys", "hostname evil", "dmesg -c",
                "insmod x"} & set(done), done
    caps = dict(line.split(":\t") for line in image.text("caps").splitlines())
    for number, name in ((12, "NET_ADMIN"), (16, "SYS_MODULE"), (19, "SYS_PTRACE"), (21, "SYS_ADMIN"),
                         (25, "SYS_TIME")):
        assert int(caps["CapBnd"], 16) & (1 << number) == 0, f"no CAP_{name}"
    assert caps["Seccomp"] == "2"


def test_devices(any_slct):
    any_slct.build(B + "RUN ls /dev > /list; echo x > /dev/null; head -c 4 /dev/zero | wc -c > /zero; "
                   "head -c 8 /dev/urandom | wc -c >> /zero; ls -d /dev/shm /dev/pts/ptmx >> /list; "
                   "[ ! -e /dev/sda ] && [ ! -e /dev/mem ] && [ ! -e /dev/kmsg ] && echo ok >> /zero\n")
    image = any_slct.image()
    assert {"null", "zero", "full", "random", "urandom", "tty", "fd", "shm"} <= set(image.text("list").split())
    assert image.text("zero") == "4\n8\nok\n"


def test_device_nodes_cannot_be_opened(slct):
    if os.geteuid() != 0:
        lack("not root")
    slct.build(B + "RUN mknod /null c 1 3; (echo x > /null) 2> /tmp/why && echo opened > /opened; true\n")
    image = slct.image()
    assert "opened" not in image
    assert image["null"].kind == "char" and (image["null"].info.devmajor, image["null"].info.devminor) == (1, 3)


def test_standard_streams(any_slct):
    done = any_slct.build(B + "RUN cat > /stdin; echo to-out; echo to-err >&2; [ -t 0 ] || [ -t 1 ] || echo no-tty\n")
    assert any_slct.image()["stdin"].data == b""
    for word in ("to-out", "to-err", "no-tty"):
        assert re.search(r"^\[stage-0\S*.*\] " + word, done.err, re.M), done


def test_output_of_a_step_is_no_terminal_control(slct):
    done = slct.build(B + "RUN printf 'a\\033[2Jb\\rc\\n'; printf 'no newline at the end'\n")
    assert "\x1b" not in done.err and "no newline at the end" in done.err


def test_much_output(slct):
    done = slct.build(B + "RUN seq 1 200000; head -c 300000 /dev/zero | tr '\\0' x; echo; echo the-end\n")
    assert "the-end" in done.err


def test_a_step_s_background_processes_end_with_it(any_slct):
    began = time.monotonic()
    any_slct.build(B + "RUN (sleep 300; echo late > /late) & sleep 300 & echo 1 > /1\n")
    assert time.monotonic() - began < 20
    assert "late" not in any_slct.image()


def test_network_none(any_slct):
    any_slct.build(B + "RUN ls /sys/class/net > /net; ping -c 1 -w 2 127.0.0.1 > /ping 2>&1 || true; "
                   "cat /proc/net/dev | grep -c : > /count\n", "--network", "none")
    image = any_slct.image()
    assert image.text("count") == "1\n", "only loopback"


def test_network_of_one_step(slct):
    done = slct.build(B + "RUN --network=none grep -c : /proc/net/dev > /count\n", rc=None)
    if done.rc == 0:
        assert slct.image().text("count") == "1\n"
    else:
        assert done.rc == 3 and "network" in done.err


def test_add_host_and_resolv_conf(any_slct):
    any_slct.build(B + "RUN cat /etc/hosts > /h; cat /etc/resolv.conf > /r\n", "--add-host", "name.example:192.0.2.7")
    image = any_slct.image()
    assert re.search(r"192\.0\.2\.7\s+name\.example", image.text("h")) and "localhost" in image.text("h")


def test_a_step_cannot_see_the_store_or_the_host(any_slct):
    secret = any_slct.work / "host-secret"
    secret.write_text("host")
    secret.chmod(0o644)
    any_slct.build(B + f"""\
RUN ls {any_slct.store} > /a 2>&1; cat {secret} > /b 2>/dev/null; ls / > /root_list; \\
    for p in /proc/[0-9]*; do ls -l $p/fd; done 2>/dev/null > /fds; cat /proc/self/mountinfo > /mounts; true
""")
    image = any_slct.image()
    assert "No such file" in image.text("a") and image["b"].data == b""
    assert set(image.text("root_list").split()) <= {"bin", "sbin", "usr", "dev", "etc", "proc", "root", "sys", "tmp",
                                                    "a", "b", "root_list", "linuxrc"}
    assert str(any_slct.store) not in image.text("fds"), "no descriptor of the store is left open in a step"
    assert "host-secret" not in image.text("mounts")


def test_cd_dotdot_does_not_leave_the_root(any_slct):
    any_slct.build(B + "WORKDIR /../../..\nRUN cd ../../../..; ls > /seen\n")
    assert "bin" in any_slct.image().text("seen").split()
    assert "lost+found" not in any_slct.image().text("seen")


def test_device_nodes_of_the_host_stay_as_they_are(any_slct):
    before = os.stat("/dev/null")
    done = any_slct.build(B + "RUN chmod 600 /dev/null 2>/e; chown 1:1 /dev/null 2>>/e; cat /e; echo x > /dev/null\n")
    after = os.stat("/dev/null")
    assert (before.st_mode, before.st_uid, before.st_ctime_ns) == (after.st_mode, after.st_uid, after.st_ctime_ns)
    assert "/dev/null" in done.err


def test_shm_size(slct):
    slct.build(B + "RUN df -k /dev/shm | tail -1 > /df\n", "--shm-size", "32m")
    assert "32768" in slct.image().text("df").split()


def test_without_subordinate_ids_owners_are_recorded(new_slct, plain_user):
    one = new_slct(plain_user)
    done = one.build(B + "RUN touch /a && chown 12:34 /a && stat -c %u:%g /a\n")
    assert "isolation: solo" in done.err and "12:34" in done.err
    done = one.run("build", "--isolation", "range", one.context({"Dockerfile": B + "RUN true\n"}), rc=5)
    assert "/etc/subuid" in done.err and "hint:" in done.err
    assert re.search(plain_user.name + r":\d+:65536", done.err), "the line to add"
    one.run("images")
    one.run("plan", "--offline", one.flavor({"release": B + "RUN true\n"}))


def left_over(slct):
    """Processes and mounts that still have to do with this test's directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = open(f"/proc/{pid}/cmdline").read() + open(f"/proc/{pid}/environ", errors="replace").read()
        except OSError:
            continue
        if str(slct.work) in text and int(pid) != os.getpid():
            found.append(f"{pid} {text[:200]!r}")
    found += [line for line in open("/proc/self/mountinfo") if str(slct.work) in line]
    return found


def start_waiting(slct, text):
    """Start a build and wait until its step says "waiting"."""
    folder = slct.context({"Dockerfile": text})
    process = slct.popen("build", "-t", "w:1", folder)
    for line in iter(process.stderr.readline, b""):
        if re.match(rb"\[\S+\] waiting", line):
            return process, folder
    raise AssertionError("the step did not begin")


def marker(pid_file_name="slct-it-marker"):
    return f"{pid_file_name}-{os.getpid()}-{time.monotonic_ns()}"


def alive(word):
    return subprocess.run(["pgrep", "-f", word], capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.parametrize("how", ["kill", "int", "int-ignored"])
def test_violent_end_leaves_nothing(any_slct, how):
    word = marker()
    trap = "trap '' INT TERM; " if how == "int-ignored" else ""
    text = B + "RUN echo 1 > /1\n" + f"RUN {trap}sh -c '{trap}: {word}; while :; do sleep 1; done' & echo waiting; wait\n"
    process, folder = start_waiting(any_slct, text)
    assert alive(word), "the step runs"
    process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == (-9 if how == "kill" else 130)
    for _ in range(50):
        if not alive(word) and not left_over(any_slct):
            break
        time.sleep(0.1)
    assert not alive(word) and not left_over(any_slct)
    any_slct.fsck()
    (folder / "Dockerfile").write_text(B + "RUN echo 1 > /1\nRUN echo 2 > /2\n")
    done = any_slct.run("build", "-t", "w:1", folder)
    assert done.ran[-1] == "stage-0 2" and (how == "kill" or len(done.ran) == 1), "finished steps are kept"
    assert any_slct.image("w:1").text("2") == "2\n"
    rubbish = [p for d in ("tmp", "trash") for p in (any_slct.store / d).iterdir()]
    assert not rubbish, f"swept by the next build: {rubbish}"


def test_a_second_interrupt_ends_at_once(slct):
    process, _ = start_waiting(slct, B + "RUN trap '' INT TERM; echo waiting; while :; do sleep 1; done\n")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - began < 10
    slct.fsck()


def test_two_users_have_two_stores(new_slct, user):
    if os.geteuid() != 0:
        lack("not root")
    root = new_slct()
    done = new_slct(user, base=None).run("images", "--root", root.store, rc=5)
    assert str(root.store) in done.err


@pytest.mark.debian
@pytest.mark.apt
@pytest.mark.slow
@pytest.mark.parametrize("who", ["root", "user"])
def test_apt_get_install_of_packages_with_several_owners(new_slct, request, who):
    """cron has a group of its own and a setgid program, dbus a setuid one of group messagebus."""
    if who == "root" and os.geteuid() != 0:
        lack("not root")
    one = new_slct(request.getfixturevalue("user") if who == "user" else None, base="debian")
    done = one.build("FROM localhost/debian:12\nENV DEBIAN_FRONTEND=noninteractive\n"
                     "RUN apt-get update && apt-get install -y --no-install-recommends cron dbus && "
                     "chown games:man /srv && runuser -u nobody -- id -u > /nobody\n", timeout=300, rc=None)
    if done.rc and re.search("Temporary failure|Could not resolve|Unable to fetch|Failed to fetch|Unable to connect",
                             done.err):
        lack("the package sources cannot be reached")
    assert done.rc == 0, done
    image = one.image()
    group = {line.split(":")[0]: line.split(":")[2] for line in image.text("etc/group").splitlines()}
    assert image["usr/bin/crontab"].mode == 0o2755
    assert image["usr/bin/crontab"].owner == "0:" + group["crontab"]
    assert image["var/spool/cron/crontabs"].owner == "0:" + group["crontab"]
    assert image["var/spool/cron/crontabs"].mode == 0o1730
    helper = image["usr/lib/dbus-1.0/dbus-daemon-launch-helper"]
    assert helper.mode == 0o4754 and helper.owner == "0:" + group["messagebus"]
    assert image["srv"].owner == "5:12" and image.text("nobody") == "65534\n"
    assert image["etc/shadow"].owner == "0:42" and image["etc/shadow"].mode == 0o640
    assert "etc/resolv.conf" not in image
