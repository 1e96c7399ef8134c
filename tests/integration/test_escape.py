"""Attempts to get out of a step, or to make slct reach out for it: each known way, in every tier that this host has.

A canary directory lies outside of everything; nothing may read, change or remove it."""
import ctypes
import io
import os
import re
import socket
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from lab import lack, need

B = "FROM localhost/busybox:1\n"
SECRET = "canary-content-7d1f"


@pytest.fixture(params=["root", "range", "solo"])
def any_slct(request, new_slct):
    """slct with busybox in each tier that this host has."""
    if request.param == "root":
        if os.geteuid() != 0:
            lack("not root")
        return new_slct()
    return new_slct(user=request.getfixturevalue({"range": "user", "solo": "plain_user"}[request.param]))


@pytest.fixture(scope="session")
def escape(session_dir):
    out = session_dir / "escape"
    subprocess.run([need("gcc"), "-O1", "-w", "-static", "-o", out, Path(__file__).with_name("escape.c")], check=True)
    return out.read_bytes()


@pytest.fixture
def canary(any_slct):
    """A directory that the user of slct may write, so that only slct keeps steps away from it."""
    folder = any_slct.work / "canary"
    folder.mkdir()
    (folder / "file").write_text(SECRET)
    (folder / "dir").mkdir()
    any_slct.give(folder)

    def state():
        return sorted((str(p.relative_to(folder)), p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns,
                       p.read_text() if p.is_file() else "") for p in [folder, *folder.rglob("*")])
    before = state()
    yield folder
    assert state() == before


def test_catalogue(any_slct, escape):
    """System calls, processes, descriptors, devices, sockets, kernel switches: see escape.c."""
    done = any_slct.build(B + 'COPY --chmod=755 escape /escape\nRUN ["/escape"]\n', files={"escape": escape}, rc=None)
    assert done.rc == 0, "\n".join(line for line in done.err.splitlines() if "BAD" in line) or done
    assert "] 0 bad" in done.err


@pytest.mark.parametrize("who", ["1000"])
def test_catalogue_as_another_user(any_slct, escape, who):
    done = any_slct.build(B + f'COPY --chmod=755 escape /escape\nUSER {who}\nRUN ["/escape"]\n',
                          files={"escape": escape}, rc=None)
    assert done.rc == 0, "\n".join(line for line in done.err.splitlines() if "BAD" in line) or done


def test_without_network(any_slct, escape):
    done = any_slct.build(B + 'COPY --chmod=755 escape /escape\nRUN --network=none ["/escape"]\n',
                          files={"escape": escape}, rc=None)
    assert done.rc == 0, "\n".join(line for line in done.err.splitlines() if "BAD" in line) or done


@pytest.mark.parametrize("run", [
    'RUN ["/proc/self/exe", "version"]',
    'RUN ln -s /proc/self/exe /prog\nRUN ["/prog", "version"]',
    "RUN printf '#!/proc/self/exe\\n' > /prog && chmod 755 /prog\nRUN [\"/prog\"]",
    "RUN printf '#!/a\\n' > /prog && printf '#!/proc/self/exe\\n' > /a && chmod 755 /prog /a\nRUN [\"/prog\"]",
    'RUN ["/proc/1/exe", "version"]',
    'RUN ["/proc/self/fd/3"]',
])
def test_slcts_own_program_is_not_started(any_slct, run):
    """CVE-2019-5736: what runs inside as slct's file could write to it through /proc."""
    before = any_slct.binary.read_bytes()
    done = any_slct.build(B + run + "\n", rc=None)
    assert done.rc in (1, 3, 5) and "slct 0." not in done.err, done
    assert any_slct.binary.read_bytes() == before


@pytest.mark.parametrize("fd", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_working_directory_of_a_descriptor(slct, fd):
    """CVE-2024-21626: /proc/self/fd/N of a runtime that has a directory of the host open."""
    done = slct.build(B + f"WORKDIR /proc/self/fd/{fd}\nRUN pwd; ls -a; ls ../../../../ > /listing\n", rc=None)
    assert done.rc in (0, 3, 5), done
    assert str(slct.store) not in done.err.replace(f"whole output is in {slct.store}", "")
    if done.rc == 0:
        assert "store" not in slct.image().text("listing").split()


def test_a_link_as_working_directory(any_slct, canary):
    done = any_slct.build(B + f"RUN ln -s /proc/self/cwd/../../../../..{canary} /w && ln -s {canary} /v\nWORKDIR /w\n"
                          "WORKDIR /v\nRUN pwd; ls; cat file\n", rc=None)
    assert SECRET not in done.err


@pytest.mark.parametrize("name",
                         ["proc", "sys", "dev", "dev/shm", "dev/pts", "etc", "etc/hosts", "etc/resolv.conf", "tmp"])
def test_mount_points_that_are_links(any_slct, canary, name):
    """The image's own directories lead out; slct's mounts and texts go where its root says."""
    parent = os.path.dirname(name)
    done = any_slct.build(B + f"RUN rm -rf /{name} 2>/dev/null; true\nCOPY --from=localhost/links:1 / /\n"
                          "RUN ls -la / > /dev/null; echo x > /etc/hosts; echo x > /etc/resolv.conf; echo x > "
                          "/dev/shm/y; true\n",
                          rc=None, *import_links(any_slct, canary, name, parent))
    assert SECRET not in done.err


def import_links(slct, canary, name, parent):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        if parent:
            info = tarfile.TarInfo(parent)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, str(canary)
        tar.addfile(info)
    path = slct.work / "links.tar"
    path.write_bytes(data.getvalue())
    slct.run("import", path, "localhost/links:1")
    return ()


@pytest.mark.parametrize("name", ["proc", "sys", "dev", "etc", "etc/hosts", "dev/null"])
def test_base_image_of_links(any_slct, canary, name):
    """The same as the base itself: every mount of a step would go through the link."""
    import_links(any_slct, canary, name, os.path.dirname(name))
    done = any_slct.build("FROM localhost/links:1\nCOPY --from=localhost/busybox:1 /bin/busybox /b\n"
                          'RUN ["/b", "sh", "-c", "/b ls -la /; /b cat /etc/file /dev/file /proc/file; echo x > '
                          '/etc/hosts"]\n',
                          rc=None)
    assert SECRET not in done.err


def test_bind_sources_that_lead_out(any_slct, canary):
    """RUN --mount=from: links of the other stage are followed inside of it."""
    done = any_slct.build(f"""FROM localhost/busybox:1 AS other
RUN ln -s {canary} /abs && ln -s ../../../../../../../..{canary} /rel && ln -s /proc/self/root{canary} /magic && mkdir -p /d && ln -s {canary}/file /d/f
FROM localhost/busybox:1
RUN --mount=from=other,source=/d,target=/m cat /m/f; true
""", rc=None)
    assert SECRET not in done.err
    for source in ("/abs", "/rel", "/magic", "/abs/file", "/d/f", "/../../../../.." + str(canary)):
        done = any_slct.build(f"""FROM localhost/busybox:1 AS other
RUN ln -s {canary} /abs && ln -s ../../../../../../../..{canary} /rel && ln -s /proc/self/root{canary} /magic && mkdir -p /d && ln -s {canary}/file /d/f
FROM localhost/busybox:1
RUN --mount=from=other,source={source},target=/m,rw cat /m /m/file; echo x > /m/new; true
""", rc=None)
        assert SECRET not in done.err, source


def test_bind_source_is_swapped_meanwhile(any_slct, canary):
    """A step writes to a cache while others mount parts of it: a directory that is a link now and then."""
    any_slct.build(f"""FROM localhost/busybox:1 AS swap
RUN --mount=type=cache,target=/c,id=race i=0; while [ $i -lt 400 ]; do mkdir -p /c/s/d; rm -rf /c/s; ln -s {canary} /c/s; rm -f /c/s; i=$((i+1)); done
FROM localhost/busybox:1 AS use
{''.join(f'RUN --mount=type=cache,target=/c,id=race --mount=type=tmpfs,target=/c/s/d sh -c "cat /c/s/file /c/s/d/file; echo {n} > /c/s/d/x; true"' + chr(10) for n in range(8))}
FROM localhost/busybox:1
COPY --from=swap /bin/busybox /a
COPY --from=use /bin/busybox /b
""", rc=None)


@pytest.mark.parametrize("id_", ["../../../{canary}", "/{canary}", "..", ".", "a/../../b", "{canary}/dir", "x%2f..%2fy",
                                 "\\n"])
def test_cache_ids_that_are_paths(any_slct, canary, id_):
    name = id_.replace("{canary}", str(canary))
    before = {p for p in any_slct.work.iterdir()}
    done = any_slct.build(B + f"RUN --mount=type=cache,id={name},target=/c ls /c; cat /c/file; echo x > /c/made; "
                              "true\n", rc=None)
    assert SECRET not in done.err
    assert not {p for p in any_slct.work.iterdir()} - before - {any_slct.work / f"context{any_slct.count}"}


def evil_tar(canary):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        def add(name, kind=tarfile.REGTYPE, link="", text=b"evil", mode=0o4755):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, mode
            info.size = len(text) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(text) if info.size else None)
        add("out", tarfile.SYMTYPE, str(canary))
        add("out/file")
        add("out/new")
        add("up", tarfile.SYMTYPE, "../" * 20 + str(canary).lstrip("/"))
        add("up/dir/x")
        add("magic", tarfile.SYMTYPE, f"/proc/self/root{canary}")
        add("magic/file")
        add("d", tarfile.DIRTYPE)
        add("d/l", tarfile.SYMTYPE, "/")
        add(f"d/l{canary}/file")
    return data.getvalue()


def test_archives_that_lead_out(any_slct, canary):
    any_slct.build(B + "ADD evil.tar /x/\nADD evil.tar /\n", files={"evil.tar": evil_tar(canary)}, rc=None)
    data = evil_tar(canary)
    path = any_slct.work / "evil.tar"
    path.write_bytes(data)
    any_slct.run("import", path, "localhost/evil:1", rc=None)


def test_archive_member_above_the_root(any_slct, canary):
    for name in (f"../../../../../../../..{canary}/file", f"{canary}/file", "a/../../../../x"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(name))
        any_slct.build(B + "ADD a.tar /\n", files={"a.tar": data.getvalue()}, rc=None)


def test_copy_through_links(any_slct, canary):
    any_slct.build(B + f"RUN ln -s {canary} /out && ln -s {canary}/file /f && ln -s /proc/self/root{canary} /magic\n"
                   "COPY --chown=1:1 --chmod=777 x /out/file\nCOPY x /out/new\nCOPY x /f\nCOPY x /magic/file\n"
                   "ADD --chmod=600 x /out/\n", files={"x": "evil"}, rc=None)


def test_context_links_are_not_followed(any_slct, canary):
    folder = any_slct.context({"Dockerfile": B + "COPY . /all\nCOPY abs /abs\nRUN cat /all/* /abs/* /abs 2>/dev/null; "
                                                 "true\n",
                               "x": "x"})
    os.symlink(canary, folder / "abs")
    os.symlink(canary / "file", folder / "file")
    os.symlink("../canary/file", folder / "rel")
    done = any_slct.build(folder, rc=None)
    assert SECRET not in done.err


def test_nothing_outlives_a_step(any_slct):
    """Double forks, sessions of their own, ignored signals, and one that holds the output pipe."""
    mark = f"97{os.getpid()}"
    done = any_slct.build(B + f"RUN (setsid sh -c 'trap \"\" TERM HUP INT; sleep {mark} & sleep {mark}' &) ; "
                          f"(sleep {mark} >/dev/null 2>&1 &); nohup sleep {mark} & echo started\n", timeout=60)
    assert "started" in done.err
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_step_kills_everybody(any_slct):
    """Everybody is the step, without its init."""
    bystander = subprocess.Popen([*(any_slct.user.prefix if any_slct.user else []), "sleep", "300"])
    try:
        done = any_slct.build(B + "RUN sleep 300 & kill -9 -1; kill -9 1; echo alive\n")
        assert "alive" in done.err
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_setuid_programs_of_the_store(new_slct, user, plain_user):
    """A layer holds a setuid program of the builder's: other users cannot reach it."""
    for owner in (None, user):
        if owner is None and os.geteuid() != 0:
            continue
        one = new_slct(owner)
        one.build(B + "RUN cp /bin/busybox /sh && chmod 4755 /sh\n")
        assert one.store.stat().st_mode & 0o077 == 0
        found = [p for p in one.store.rglob("sh") if not p.is_symlink() and p.stat().st_mode & 0o4000] \
            if owner is None else []
        listing = subprocess.run([*plain_user.prefix, "ls", one.store], capture_output=True, check=False)
        assert listing.returncode != 0
        for path in found:
            got = subprocess.run([*plain_user.prefix, str(path), "id", "-u"], capture_output=True, check=False)
            assert got.returncode != 0 and b"0" != got.stdout.strip()


def landlock_abi():
    """landlock_create_ruleset asks for the version."""
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


def test_abstract_sockets(any_slct):
    """They belong to the network namespace: out of reach without the host's network; with it where Landlock can
    keep a step away from them (Linux 6.12), else documented."""
    name = f"\0slct-escape-{os.getpid()}"
    source = any_slct.work / "c.c"
    source.write_text('#include <sys/socket.h>\n#include <sys/un.h>\n#include <string.h>\n#include <stddef.h>\n'
                      'int main(int n, char **v) { struct sockaddr_un a = {1, ""}; int s = socket(1, 1, 0); (void)n;\n'
                      'memcpy(a.sun_path + 1, v[1], strlen(v[1]));\n'
                      'return connect(s, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(v[1])) ? 9 : '
                      '0; }\n')
    program = any_slct.work / "c"
    subprocess.run([need("gcc"), "-w", "-static", "-o", program, source], check=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        files = {"c": program.read_bytes()}
        text = B + "COPY --chmod=755 c /c\nRUN {} /c " + name[1:] + "; echo status $?\n"
        host = "status 9" if landlock_abi() >= 6 else "status 0"
        assert host in any_slct.build(text.format(""), files=files).err
        assert "status 9" in any_slct.build(text.format("--network=none"), files=files).err


def test_output_is_not_an_input(any_slct):
    """Terminal sequences of a step do not reach the terminal of who builds."""
    done = any_slct.build(B + r"RUN printf 'a\033]0;title\007b\033[2Jc\033P+q\033\\d\r\n\x9b31m'" + "\n")
    assert not re.search(r"\x1b[\]P\[]", done.err) and "\x07" not in done.err and "\x9b" not in done.err


def test_proc_of_the_step_shows_no_other(any_slct):
    done = any_slct.build(B + "RUN cat /proc/self/mountinfo /proc/self/cgroup; ls /proc | grep '^[0-9]'; env\n")
    assert str(any_slct.work / "home") not in done.err
    assert len(re.findall(r"^\[stage-0\] \d+$", done.err, re.M)) <= 5


def test_device_nodes_on_every_mount_of_a_step(any_slct):
    """Root may make nodes; on no mount that a step has may it open them."""
    done = any_slct.build("""FROM localhost/busybox:1 AS other
RUN mkdir /d
FROM localhost/busybox:1
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=from=other,source=/d,target=/b,rw \\
    --mount=type=bind,target=/x,rw for d in /c /t /b /x /dev /dev/shm / /tmp; do \\
    mknod $d/n c 1 3 2>/dev/null && { (echo x > $d/n) 2>/dev/null && echo "opened in $d"; rm $d/n; }; done; true
""")
    assert "] opened" not in done.err


def test_the_hosts_device_nodes_stay_as_they_are(any_slct):
    """Mode, owner and times of /dev/null and the like: a step of root's could lock everybody out of them."""
    names = ["null", "zero", "full", "random", "urandom", "tty"]

    def state():
        return {n: (st.st_mode, st.st_uid, st.st_gid, st.st_rdev, int(st.st_ctime))
                for n in names for st in [os.stat(f"/dev/{n}")]}
    before = state()
    any_slct.build(B + "RUN for n in full zero random; do chmod 666 /dev/$n; chown 0:0 /dev/$n; touch /dev/$n; "
                   "mv /dev/$n /dev/x; rm -f /dev/$n; done 2>/dev/null; true\n")
    changed = {n for n, was in before.items() if state()[n] != was}
    assert changed <= {"tty", "null"}, changed    # others on this machine use these two


def test_the_hosts_proc_stays_as_it_is(any_slct):
    """Mode and owner of an entry are the kernel's, for all mounts of proc; a new mount shows what they are."""
    look = [need("unshare"), "-p", "-f", "-m", "--mount-proc", "stat", "-c", "%a %u:%g",
            *(f"/proc/{n}" for n in ("consoles", "locks", "swaps", "sysvipc", "meminfo"))]
    if os.geteuid() != 0:
        lack("not root")
    before = subprocess.run(look, capture_output=True, text=True, check=True).stdout
    any_slct.build(B + "RUN for n in consoles locks swaps sysvipc; do chmod 440 /proc/$n; chown 5:6 /proc/$n; done "
                   "2>/dev/null; cat /proc/meminfo /proc/self/status > /dev/null && echo 100 > "
                   "/proc/self/oom_score_adj\n")
    assert subprocess.run(look, capture_output=True, text=True, check=True).stdout == before
