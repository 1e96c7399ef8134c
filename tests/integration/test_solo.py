"""Tier solo: an ordinary user without subordinate ids builds what root builds, owner by owner."""
import os
import re
import subprocess
from pathlib import Path

import pytest

from lab import Slct, lack, need

B = "FROM localhost/busybox:1\n"
D = "FROM localhost/debian:12\n"


@pytest.fixture
def solo(new_slct, plain_user):
    return new_slct(plain_user)


@pytest.fixture
def both(new_slct, plain_user):
    """Build the same as root and in solo: the two results and images."""
    if os.geteuid() != 0:
        lack("not root")

    def make(dockerfile, *args, base="busybox", **kw):
        root, one = new_slct(base=base), new_slct(plain_user, base=base)
        a, b = root.build(dockerfile, *args, **kw), one.build(dockerfile, *args, **kw)
        assert "isolation: root" in a.err and "isolation: solo" in b.err
        return (a, root.image()), (b, one.image())
    return make


@pytest.fixture
def without_overlay(binary, bases, on_overlay, plain_user):
    """slct of an ordinary user on a store that lies on an overlay: a maker of such with the base."""
    def make(base="busybox"):
        folder = on_overlay / "home"
        folder.mkdir()
        os.chown(folder, plain_user.uid, plain_user.gid)
        one = Slct(binary, folder / "store", folder, plain_user)
        one.run("import", bases(base), {"busybox": "localhost/busybox:1", "debian": "localhost/debian:12"}[base])
        return one
    return make


def said(result):
    """What the steps printed, without times."""
    return [line for line in result.err.splitlines()
            if re.match(r"\[(stage-0|other)\S*\] ", line) and "DONE" not in line and "CACHED" not in line]


NODES = B + r"""
RUN echo a > /a && chown 12:34 /a && chmod 4751 /a && mkdir -p /d/e && chown -R 5:6 /d && chmod 2775 /d/e && \
    ln -s a /l && chown -h 7:8 /l && mkfifo -m 640 /f && chown 9:10 /f && \
    mknod /c c 1 3 && chown 3:4 /c && chmod 600 /c && mknod /b b 7 9 && ln /c /c2
RUN stat -c '%n %F %u:%g %a %t,%T' /a /d /d/e /l /f /c /b /c2
RUN echo b >> /a && chown 0:0 /d && mv /l /l2 && ln /f /f2 && touch -h -d @1000000000 /l2 && rm /b && chmod 644 /c2
RUN stat -c '%n %F %u:%g %a %t,%T' /a /d /d/e /l2 /f /f2 /c /c2
RUN cp -a /c /copy && cp -a /l2 /copy2 && cp -a /d /copy3 && tar cf /t.tar -C / a l2 f c && mkdir /x && \
    tar xf /t.tar -C /x && rm /t.tar && stat -c '%n %F %u:%g %a %t,%T' /copy /copy2 /copy3/e /x/*
"""


def test_the_same_layers_as_root(both):
    (a, root), (b, solo) = both(NODES)
    assert said(a) == said(b)
    assert {p: (f.kind, f.owner, f.mode) for p, f in root.files.items()} == \
        {p: (f.kind, f.owner, f.mode) for p, f in solo.files.items()}
    assert root.diff_ids == solo.diff_ids
    assert solo["a"].owner == "12:34" and solo["l2"].owner == "7:8" and solo["x/c"].kind == "char"


def test_what_a_user_makes(both):
    (a, root), (b, solo) = both(B + r"""
RUN mkdir -m 777 /w && mkdir -m 2777 /g && chown 0:50 /g
USER 1000:100
RUN cd /w && umask 027 && echo x > f && mkdir d && ln -s f l && mkfifo p && mkdir -p /g/d && echo > /g/f && \
    cp f copy && ln f hard && mv copy moved && sed -i s/x/y/ f && stat -c '%n %F %u:%g %a' * /g/* && id
""")
    assert said(a) == said(b)
    assert root.diff_ids == solo.diff_ids
    assert solo["w/f"].owner == "1000:100" and solo["w/f"].mode == 0o640
    assert solo["g/d"].owner == "1000:50" and solo["g/d"].mode & 0o2000
    assert solo["w/l"].owner == solo["w/p"].owner == "1000:100"


FILES = {"f.txt": "f"}
# An overlay parts the names of a file that is changed by one of them (docs/internals/build.md).
MOUNTED = NODES.replace(" && chmod 644 /c2", "") + r"""
FROM localhost/busybox:1 AS other
COPY --from=0 /l2 /f /c /copy3 /got/
COPY --chown=21:22 f.txt /owned/
RUN --mount=type=bind,from=0,target=/mnt --mount=type=cache,target=/cache,uid=3 \
    stat -c '%n %F %u:%g %a' /mnt/l2 /mnt/f /mnt/a /mnt/c /cache /got/* && ln -sf x /cache/l && chown -h 4:4 /cache/l
WORKDIR /made/here
RUN stat -c '%n %F %u:%g %a' /got/* /owned/* . && rm -rf /got && mkdir /got && ln -s a /got/z && chown -h 5:6 /got/z
"""


# Names tell what has a record (docs/adr/0010): a mount is called as its target, whatever its source is called.
MOUNTS = """\
FROM localhost/busybox:1 AS src
RUN mkdir -p /tree/sub && echo a > /tree/sub/a && chown 12:34 /tree/sub/a && chown 5:6 /tree/sub && ln -s a /tree/sub/l && \\
    chown -h 7:8 /tree/sub/l && echo one > /one && chown 3:4 /one && touch /tree/sub/plain
FROM localhost/busybox:1 AS other
RUN ln -s /real/place /link
RUN --mount=type=bind,from=src,source=/tree/sub,target=/other,rw --mount=type=bind,from=src,source=/one,target=/file \\
    --mount=type=bind,from=src,target=/whole --mount=type=bind,from=src,source=/tree/sub,target=/link/x \\
    --mount=type=bind,source=f.txt,target=/ctx.txt --mount=type=tmpfs,target=/t \\
    --mount=type=secret,id=s,target=/run/secrets/named,uid=44,gid=45,mode=0440 <<EOF
    set -e
    look() { stat -c '%n %F %u:%g %a' "$@"; }
    look /other /other/a /other/l /other/plain /file /whole /whole/one /whole/tree/sub /real/place/x /real/place/x/a
    look /ctx.txt /t /run/secrets/named
    cd /other && look . a l && mv a b && chown 1:2 plain && touch new && chown 9:9 new && mv new newer && ln newer c && look *
    mkdir /t/d && chown 2:2 /t/d && look /t/d && ls -ln /other /run/secrets
    touch /kept && chown 13:14 /kept && cp -a /other /copied && look /kept /copied/*
EOF
"""


def test_names_in_steps_with_mounts(both):
    (a, root), (b, solo) = both(MOUNTS, "--secret", "id=s,env=S", files={"f.txt": "f"}, env={"S": "x"})
    times = re.compile(r" [A-Z][a-z]{2} +\d+ +[\d:]+ ")
    assert [times.sub(" ", line) for line in said(a)] == [times.sub(" ", line) for line in said(b)]
    assert len([line for line in said(b) if "12:34" in line]) >= 4
    assert root.diff_ids == solo.diff_ids


def test_on_a_store_without_overlay(new_slct, without_overlay):
    """Roots are copies there, with the owners that were recorded; twice the same, and the same as root's."""
    root, one = new_slct(), without_overlay()
    a, b = root.build(MOUNTED, files=FILES), one.build(MOUNTED, files=FILES)
    assert "isolation: solo" in b.err and "roots are copies" in b.err
    assert said(a) == said(b)
    assert root.image().diff_ids == one.image().diff_ids
    assert one.image()["got/z"].owner == "5:6" and one.image()["owned/f.txt"].owner == "21:22"
    assert one.build(MOUNTED, "--no-cache", files=FILES).rc == 0 and root.image().diff_ids == one.image().diff_ids
    assert one.run("run", "test:1", "stat", "-c", "%u:%g %F", "/got/z").out == "5:6 symbolic link\n"
    one.fsck()


def test_deep_stacks_are_folded(new_slct, plain_user):
    """Links of folded layers keep their owners: hard links of them are the same inodes."""
    text = B + "".join(f"RUN ln -s {i} /l{i} && chown -h {i}:{i} /l{i} && echo {i} >/f{i} && chown 7:{i} /f{i}"
                       f"{f' && rm /l{i - 3}' if i % 5 == 4 else ''}\n" for i in range(40))
    text += r"RUN stat -c '%n %u:%g' /l* /f* && mv /l0 /m0 && stat -c '%n %u:%g' /m0" + "\n"
    root, one = new_slct(), new_slct(plain_user)
    a, b = root.build(text, timeout=300), one.build(text, timeout=300)
    assert said(a) == said(b)
    assert root.image().diff_ids == one.image().diff_ids
    assert len(list((one.store / "layers/rec").glob("*.fold"))) >= 4
    again = one.build(text + "RUN stat -c %u /l39 /m0 && chown -h 9:9 /l39\nRUN stat -c %u /l39\n")
    assert "] 39" in again.err and "] 0" in again.err and "] 9" in again.err
    one.fsck()


ACLS = D + r"""
COPY --chmod=755 setfacl getfacl /usr/local/bin/
RUN mkdir /a && cd /a && touch f g h && mkdir d && chown 12:34 f d && chmod 4750 h && \
    setfacl -m u:1000:rwx,u:0:r,g:5:r-x,g:0:rx,g:70000:w f && setfacl -m u:1000:rwx d && setfacl -d -m u:1000:rwx,g:5:rx d && \
    setfacl -m u:1000:rw h && setfacl -m g::rw,m::r g && stat -c '%n %a' * && getfacl -n f d g h
RUN cd /a && chmod 640 f && touch d/file && mkdir d/dir d/dir/sub && echo x > d/dir/file && \
    (umask 077; touch d/private; mkdir d/pdir) && cp -a f copy && cp -a d dcopy && cp f plain && mv f moved && \
    ln moved hard && setfacl -x u:1000 copy && setfacl -b g && setfacl -k dcopy && touch dcopy/late && \
    stat -c '%n %a' * d/* && getfacl -nR . && tar --acls -cf /t.tar . && mkdir /b && tar --acls -C /b -xpf /t.tar && \
    rm /t.tar && getfacl -nR /b
RUN cd /a && setpriv --reuid=1000 --regid=1000 --clear-groups sh -c 'echo made > d/by && mkdir d/dir/byd && \
    test -w d && test -x moved || echo not; setfacl -m u:3:r d/by && getfacl -n d/by; \
    setfacl -m u:3:r moved || echo refused'; stat -c '%n %u:%g %a' d/by d/dir/byd && getfacl -n d/by d/dir/byd && \
    chown 0:0 d/by && setfacl -m m::x moved && chmod u+s h && getfacl -n moved h && touch d/dir/file
FROM localhost/debian:12 AS other
COPY --from=0 /a /a
COPY --from=0 /a/moved /a/d/dir/
RUN --mount=type=bind,from=0,target=/m getfacl -nR /a /m/a 2>/dev/null || /m/usr/local/bin/getfacl -nR /a /m/a
"""


def test_access_lists(both):
    """Lists that name ids which the kernel does not know here: the same as root's, inherited and changed by chmod."""
    files = {name: Path(need(name)).read_bytes() for name in ("setfacl", "getfacl")}
    (a, root), (b, solo) = both(ACLS, base="debian", files=files)
    assert said(a) == said(b)
    assert any("user:1000:rwx" in line for line in said(b))
    assert root.diff_ids == solo.diff_ids


def test_access_lists_of_an_image(new_slct, plain_user):
    """They are kept where it is unpacked, and written by every output."""
    files = {name: Path(need(name)).read_bytes() for name in ("setfacl", "getfacl")}
    root, one = new_slct(base="debian"), new_slct(plain_user, base=None)
    root.build(ACLS.split("FROM localhost/debian:12 AS other")[0], files=files, tag="localhost/acl:1")
    saved = root.work / "acl.tar"
    root.run("save", "-o", saved, "localhost/acl:1")
    one.run("load", "-i", saved, "localhost/acl:1")
    done = one.build("FROM localhost/acl:1\nRUN getfacl -n /a/moved /a/d && touch /a/d/new && getfacl -n /a/d/new\n")
    assert "is not kept" not in done.err
    again = root.build("FROM localhost/acl:1\nRUN getfacl -n /a/moved /a/d && touch /a/d/new && getfacl -n /a/d/new\n")
    assert said(done) == said(again) and root.image().diff_ids == one.image().diff_ids
    one.fsck()


def test_a_later_build_reads_the_records(solo):
    solo.build(B + "RUN echo > /a && chown 12:34 /a && ln -s a /l && chown -h 5:6 /l\n", tag="localhost/one:1")
    done = solo.build("FROM localhost/one:1\nRUN stat -c %n=%u:%g /a /l && chown -h 9:9 /l\n"
                      "RUN stat -c %n=%u:%g /a /l\n")
    assert "/a=12:34" in done.err and "/l=5:6" in done.err and "/l=9:9" in done.err


def test_recorded_objects_under_other_names(both):
    """The supervisor goes by names: those of the layers' lists, and those that a step gives what they belong to."""
    show = "stat -c '%n %F %u:%g %a'"
    (a, root), (b, solo) = both(B + rf"""
RUN mkdir -p /d/sub /p && echo > /d/sub/f && ln /d/sub/f /hard && chown 12:34 /d/sub/f && chown 5:6 /d && \
    ln -s f /d/sub/l && chown -h 7:8 /d/sub/l && {show} /d /d/sub/* /hard /p
RUN {show} /d /d/sub/* /hard /p && mv /d/sub/f /g && mv /d/sub/l /m && mv /hard /p/hard2 && mv /g /p/h && ln /p/h /p/i && \
    {show} /p/* /m && echo > /new && mv /new /p/plain && {show} /p/plain && chown 9:9 /p/plain && {show} /p/plain
RUN {show} /d /p/* /m && cd /p && mv i ../j && {show} ../j && ls -ln /p | awk '{{print $3, $4, $9}}'
""")
    assert said(a) == said(b)
    assert root.diff_ids == solo.diff_ids
    assert solo["p/hard2"].owner == solo["j"].owner == "12:34" and solo["p/plain"].owner == "9:9"


def test_what_a_user_may_not(solo):
    done = solo.build(B + r"""
RUN mkdir -m 777 /w && echo s > /w/secret && chmod 600 /w/secret
USER 1000:100
RUN cd /w; chown 1000 secret && echo FAIL; chmod 666 secret && echo FAIL; mknod n c 1 3 && echo FAIL; \
    test -w secret && echo FAIL; test -r secret && echo FAIL; chown 0 /w && echo FAIL; \
    (echo > /made) && echo FAIL; (echo > /etc/passwd) && echo FAIL; mkdir /made && echo FAIL; echo end
""")
    assert not re.search(r"\] FAIL", done.err) and "] end" in done.err


def test_records_are_not_seen_or_copied(solo):
    """A step sees no attribute of ours, and an image has none."""
    solo.build(B + "RUN echo > /a && chown 12:34 /a && cp -a /a /b && chown 0:0 /b\n")
    image = solo.image()
    assert image["a"].owner == "12:34" and image["b"].owner == "0:0"
    assert not any(name.startswith("user.slct") for f in image.files.values() for name in f.xattrs)


def test_a_device_of_a_step_cannot_be_opened(solo):
    done = solo.build(B + "RUN mknod /m c 1 1 && ls -l /m && (cat /m || echo refused)\n")
    assert "1,   1" in done.err and "refused" in done.err


def test_a_step_that_leaves_a_daemon(solo):
    done = solo.build(B + "RUN (while :; do chown 1:1 /bin; chown 0:0 /bin; done) & mknod /n c 1 3; chown 5:5 /n\n")
    image = solo.image()
    assert image["n"].kind == "char" and image["n"].owner == "5:5" and done.rc == 0


def test_many_processes_at_once(solo):
    """The supervisor answers one after the other, and to each its own."""
    done = solo.build(B + r"""
RUN for i in $(seq 1 40); do (for k in 1 2 3 4 5; do echo > /f$i.$k; chown $i:$k /f$i.$k; \
    [ "$(stat -c %u:%g /f$i.$k)" = $i:$k ] || echo FAIL $i $k; done) & done; wait; echo end
""")
    assert "FAIL " not in done.err.split("] end")[0].split("RUN for")[-1].split("done; wait")[-1]
    image = solo.image()
    assert all(image[f"f{i}.{k}"].owner == f"{i}:{k}" for i in range(1, 41) for k in range(1, 6))


@pytest.mark.slow
def test_a_storm_of_calls(solo):
    """Processes that are killed, get signals or become other programs while their calls are being answered: storm.c."""
    program = solo.work / "storm"
    subprocess.run([need("gcc"), "-O1", "-w", "-static", "-o", program, Path(__file__).with_name("storm.c")],
                   check=True)
    done = solo.build(B + "COPY storm /storm\nRUN /storm /s 8 48\nRUN chown 3:3 /storm && stat -c %u /storm\n",
                      files={"storm": (program.read_bytes(), 0o755)}, timeout=300)
    assert "[stage-0] fine" in done.err and "[stage-0] 3" in done.err
    assert solo.image()["storm"].owner == "3:3"


def test_a_failing_step_and_a_time_limit(solo):
    done = solo.build(B + "RUN chown 1:1 /bin; exit 7\n", rc=1)
    assert "exit" in done.err and "7" in done.err
    done = solo.build(B + "RUN while :; do chown 1:1 /bin; done\n", "--step-timeout", "2s", rc=1, timeout=60)
    assert done.seconds < 30


@pytest.mark.debian
@pytest.mark.slow
def test_tools_of_debian(both):
    """Programs that change ids and owners, as root and in solo."""
    (a, root), (b, solo) = both(D + r"""
RUN useradd -u 1000 -m u1 && groupadd -g 1234 g1 && usermod -aG g1 u1 && id u1 && stat -c %U:%G /home/u1
RUN install -o u1 -g g1 -m 2750 -d /opt/d && install -o u1 -m 640 /etc/hostname /opt/f 2>/dev/null || \
    install -o u1 -m 640 /etc/passwd /opt/f; stat -c '%n %U:%G %a' /opt/*
RUN su u1 -c 'id -un; touch ~/x; stat -c %U:%G ~/x; umask 027; mkdir ~/y' && runuser -u u1 -- sh -c 'id; echo > ~/z' && \
    setpriv --reuid=u1 --regid=g1 --clear-groups id && setpriv --reuid=u1 --regid=g1 --init-groups touch /home/u1/w
RUN cp /usr/bin/perl /p && chown u1:g1 /p && chmod 6755 /p && /p -e 'print "$< $> $) \n"' && \
    su games -s /bin/sh -c "/p -e 'print qq(\$< \$> \$( \$) \n)'; id"
RUN su games -s /bin/sh -c 'sh -c "id -u"; exec 2>/dev/null; su -c true </dev/null || echo refused'
RUN dpkg-statoverride --add --update u1 g1 2750 /opt/d && stat -c %U:%G:%a /opt/d && chmod u+s /opt/f && \
    tar -C / -cf /t.tar opt home && mkdir /e && tar -C /e -xpf /t.tar && rm /t.tar && stat -c '%n %U:%G %a' /e/opt/* && \
    cp -a /opt /opt2 && stat -c '%n %U:%G %a' /opt2/* && chown -R --from=u1 games /opt2 && stat -c '%n %U:%G' /opt2/*
RUN perl -e '$( = $) = "1234 1234 5"; $> = 1000; print "$< $> $( $)\n"; open F, ">/tmp/f"; $> = 0; print "$>\n"; \
    $< = $> = 1000; print "$< $>\n"; $> = 0; print "$>\n"; print +(stat "/tmp/f")[4], "\n"'
RUN perl -e '$p = fork; if (!$p) { $< = $> = 1000; exec "perl", "-e", "print qq(\$> \$<\\n)"; } wait; print "$>\n"' && \
    chroot / sh -c 'chown 77:78 /e && stat -c %u:%g /e'
RUN rm -rf /var/log/* /var/cache/ldconfig /etc/*- /home/u1/.b* /home/u1/.p* && \
    sed -i 's/:[0-9]*:0:99999/:1:0:99999/' /etc/shadow && stat -c %U:%G:%a /etc/shadow
""", base="debian", timeout=300)
    assert said(a) == said(b)
    differ = {p for p in {**root.files, **solo.files}
              if p not in root.files or p not in solo.files or
              (root[p].kind, root[p].owner, root[p].mode, root[p].link) !=
              (solo[p].kind, solo[p].owner, solo[p].mode, solo[p].link)}
    assert not differ


@pytest.mark.debian
@pytest.mark.apt
@pytest.mark.slow
def test_packages_of_servers(new_slct, plain_user):
    """postgres looks at the owner of its directory and asks the socket who is there."""
    one = new_slct(plain_user, base="debian")
    done = one.build(D + r"""ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends postgresql dbus sudo && \
    pg_ctlcluster 15 main start && su postgres -c 'psql -Atc "select 6*7"' > /answer && pg_ctlcluster 15 main stop && \
    sudo -u games id -un > /games && chown -R games:man /srv
""", timeout=600, rc=None)
    if done.rc and re.search("Temporary failure|Could not resolve|Unable to fetch|Failed to fetch|Unable to connect",
                             done.err):
        lack("the package sources cannot be reached")
    assert done.rc == 0, done
    image = one.image()
    uid = {line.split(":")[0]: line.split(":")[2] for line in image.text("etc/passwd").splitlines()}
    assert image.text("answer") == "42\n" and image.text("games") == "games\n"
    assert image["var/lib/postgresql/15/main"].owner.split(":")[0] == uid["postgres"]
    assert image["var/lib/postgresql/15/main"].mode == 0o700
    assert image["usr/bin/sudo"].mode == 0o4755 and image["usr/bin/sudo"].owner == "0:0"
    assert image["usr/lib/dbus-1.0/dbus-daemon-launch-helper"].mode == 0o4754
