"""RUN --mount: what a step sees, and what of it must never get into an image."""
import base64
import os
import socket
import subprocess
import textwrap
import threading

import pytest

from lab import need

B = "FROM localhost/busybox:1\n"
SECRET = "correct-horse-battery-staple"


def build(slct, text, *args, **kw):
    return slct.build(B + textwrap.dedent(text), *args, **kw)


def secret_file(slct, text=SECRET, name="secret.txt"):
    path = slct.work / name
    path.write_text(text)
    slct.give(path)
    return path


def names(slct, tag="test:1"):
    """All paths of the image beyond the base's."""
    return {path for layer in slct.image(tag).layers[1:] for path, _ in layer}


# --- tmpfs, and mount points ---

def test_tmpfs_is_empty_sized_and_gone(any_slct):
    build(any_slct, """\
        RUN --mount=type=tmpfs,target=/new/deep,size=1m touch /new/deep/x; df -k /new/deep > /out; stat -c %a /new/deep >> /out
        """)
    image = any_slct.image()
    size, mode = image.text("out").split("\n")[1].split()[1], image.text("out").split()[-1]
    assert size == "1024" and mode == "1777"
    assert names(any_slct) == {"out"}


def test_no_mount_point_stays_in_a_layer(any_slct):
    build(any_slct, """\
        RUN mkdir -p /a && chmod 750 /a && touch -d 2001-01-01 /a && ln -s /a /link
        RUN --mount=type=tmpfs,target=/a/b/c --mount=type=secret,id=s,target=/a/s --mount=type=tmpfs,target=/link/d \\
            ls /a > /dev/null
        RUN --mount=type=tmpfs,target=/a/b/c touch /a/f; stat -c %a /a > /mode
        RUN --mount=type=tmpfs,target=/new/b touch /new/f
        """, "--secret", f"id=s,src={secret_file(any_slct)}")
    assert names(any_slct) == {"a", "link", "a/f", "mode", "new", "new/f"}
    assert any_slct.image().text("mode") == "750\n"
    layers = any_slct.image().layers
    assert len(layers) == 4, "the second step leaves no layer"


def test_target_is_relative_to_workdir_and_follows_links_inside(slct):
    build(slct, """\
        WORKDIR /w
        RUN ln -s /real /w/link && mkdir /real
        RUN --mount=type=tmpfs,target=link/t --mount=type=tmpfs,target=u grep -o ' /[^ ]*/[tu] ' /proc/mounts | sort > /out
        """)
    assert slct.image().text("out").split() == ["/real/t", "/w/u"]


def test_mounts_nest(slct):
    build(slct, """\
        RUN --mount=type=tmpfs,target=/t/in/side --mount=type=tmpfs,target=/t \\
            grep -c ' /t' /proc/mounts > /out; ls /t >> /out
        """)
    assert slct.image().text("out").split() == ["2", "in"]


@pytest.mark.parametrize("flag,message", [
    ("type=tmpfs", "type tmpfs needs a target"),
    ("type=tmpfs,target=/", "is the root of the image"),
    ("type=tmpfs,target=/w/..", "is the root of the image"),
    ("type=tmpfs,target=/x,size=lots", "size=lots is no valid value"),
    ("type=tmpfs,target=/x,source=/y", "type tmpfs has no source"),
    ("type=warp,target=/x", "type=warp is no valid value"),
    ("target=/x,colour=red", 'unknown key "colour"'),
    ("type=cache,target=/x,sharing=all", "sharing=all is no valid value"),
    ("type=bind,source=missing,target=/x", '"missing": no such file or directory'),
])
def test_bad_options_are_named_with_their_place(slct, flag, message):
    result = build(slct, f"RUN --mount={flag} true\n", rc=None)
    assert result.rc != 0 and message in result.err and "Dockerfile:2:5" in result.err


@pytest.mark.parametrize("target", ["/proc/x", "/sys", "/etc/passwd/x"])
def test_impossible_targets(slct, target):
    result = build(slct, f"RUN --mount=type=tmpfs,target={target} true\n", rc=None)
    assert result.rc != 0 and f"--mount {target}" in result.err and "Dockerfile:2" in result.err


# --- secrets ---

def places(slct):
    """Everything that is left of a build: the store, the logs, and the image as it is saved."""
    tar = slct.work / "saved.tar"
    slct.run("save", "--format", "oci-archive", "--compression", "none", "-o", tar, "test:1")
    return [tar, slct.store]


def grep(text, folders):
    done = subprocess.run(["grep", "-rlaF", text, *map(str, folders)], capture_output=True, text=True)
    return done.stdout.split()


def test_secret_file_is_seen_and_leaves_no_trace(any_slct):
    result = build(any_slct, """\
        RUN --mount=type=secret,id=s stat -c '%a %u:%g' /run/secrets/s > /out && wc -c < /run/secrets/s >> /out
        RUN --mount=type=secret,id=s,target=/etc/t,mode=0444,uid=7,gid=8 stat -c '%a %u:%g' /etc/t >> /out
        RUN --mount=type=secret,id=s cat /run/secrets/s; echo "again: $(cat /run/secrets/s) end" >&2
        RUN --mount=type=secret,id=s,env=TOKEN echo "$TOKEN" && test ! -e /run/secrets/s && echo ${#TOKEN} >> /out
        """, "--secret", f"id=s,src={secret_file(any_slct)}")
    n = str(len(SECRET))
    assert any_slct.image().text("out").split() == ["400", "0:0", n, "444", "7:8", n]
    assert SECRET not in result.err + result.out and "again: *** end" in result.err
    assert grep(SECRET, places(any_slct)) == []
    assert names(any_slct) == {"out"}


def test_secret_from_environment(slct):
    build(slct, "RUN --mount=type=secret,id=s wc -c < /run/secrets/s > /out\n", "--secret", "id=s,env=MY_TOKEN",
          env={"MY_TOKEN": SECRET})
    assert slct.image().text("out").split() == [str(len(SECRET))]
    assert grep(SECRET, places(slct)) == []


def test_secret_value_is_in_no_key(slct):
    text = B + "RUN --mount=type=secret,id=s wc -c < /run/secrets/s > /out\n"
    folder = slct.context({"Dockerfile": text})
    slct.build(folder, "--secret", f"id=s,src={secret_file(slct, 'first-value')}")
    again = slct.build(folder, "--secret", f"id=s,src={secret_file(slct, 'second-value!')}")
    assert again.ran == []


@pytest.mark.parametrize("step", ["cat /run/secrets/s > /leak", "ln -s $(cat /run/secrets/s) /leak",
                                  "mkdir /$(cat /run/secrets/s)",
                                  "dd if=/dev/zero bs=1048570 count=1 > /leak; cat /run/secrets/s >> /leak"])
def test_secret_in_layer_is_refused(slct, step):
    folder = slct.context({"Dockerfile": B + f"RUN --mount=type=secret,id=s {step}\n"})
    option = ["--secret", f"id=s,src={secret_file(slct)}"]
    result = slct.build(folder, *option, rc=None)
    assert result.rc != 0 and "holds the secret s" in result.err and "--allow secret-in-layer" in result.err
    assert grep(SECRET, [slct.store]) == []
    slct.build(folder, *option, "--allow", "secret-in-layer")


def test_missing_secret(slct):
    build(slct, "RUN --mount=type=secret,id=s test ! -e /run/secrets/s\n")
    result = build(slct, "RUN --mount=type=secret,id=s,required=true true\n", rc=None)
    assert "secret s is required" in result.err \
        and "Dockerfile:2" in result.err and "--secret src=FILE,id=s" in result.err
    result = build(slct, "RUN true\n", "--secret", "id=s,src=/nowhere", rc=None)
    assert "/nowhere" in result.err and result.rc != 0
    big = secret_file(slct, "x" * (500 * 1024 + 1), "big")
    result = build(slct, "RUN --mount=type=secret,id=s true\n", "--secret", f"id=s,src={big}", rc=None)
    assert result.rc != 0 and "big" in result.err


def test_secret_over_an_existing_file(slct):
    build(slct, """\
        RUN mkdir /d && echo own > /d/f
        RUN --mount=type=secret,id=s,target=/d/f wc -c < /d/f > /out
        RUN cat /d/f >> /out
        """, "--secret", f"id=s,src={secret_file(slct)}")
    assert slct.image().text("out").split() == [str(len(SECRET)), "own"]


# --- ssh ---

class Agent(threading.Thread):
    """Answers every connection with a line."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen()
        self.start()

    def run(self):
        while True:
            peer, _ = self.sock.accept()
            peer.sendall(b"agent\n")
            peer.close()


def test_ssh_socket(any_slct):
    path = any_slct.work / "agent.sock"
    Agent(path)
    any_slct.give(path)
    text = """\
        RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo $SSH_AUTH_SOCK > /out
        RUN --mount=type=ssh,id=other,target=/tmp/sock test -S /tmp/sock && echo $SSH_AUTH_SOCK >> /out
        RUN --mount=type=ssh,id=none echo "none:$SSH_AUTH_SOCK" >> /out
        """
    build(any_slct, text, "--ssh", "default", "--ssh", f"other={path}", env={"SSH_AUTH_SOCK": str(path)})
    assert any_slct.image().text("out").split() == ["/run/buildkit/ssh_agent.0", "/tmp/sock", "none:"]
    assert names(any_slct) == {"out"}


def test_ssh_missing(slct):
    result = build(slct, "RUN --mount=type=ssh,required true\n", rc=None)
    assert "ssh default is required" in result.err and "--ssh default" in result.err
    result = build(slct, "RUN true\n", "--ssh", "default", rc=None)
    assert "SSH_AUTH_SOCK" in result.err
    result = build(slct, "RUN true\n", "--ssh", "default=/dev/null", rc=None)
    assert "/dev/null" in result.err and "key" in result.err


def test_ssh_owner(any_slct):
    path = any_slct.work / "agent.sock"
    Agent(path)
    any_slct.give(path)
    stat = "stat -c '%u:%g %a' $SSH_AUTH_SOCK >> /out"
    build(any_slct, f"RUN --mount=type=ssh {stat}\nRUN --mount=type=ssh,mode=0666,uid=7,gid=8 {stat}\n",
          "--ssh", f"default={path}")
    assert any_slct.image().text("out").split("\n") == ["0:0 600", "7:8 666", ""]


TALK = """perl -MIO::Socket::UNIX -e '
for $m ("\\x0b", "\\x13", "\\x0b") {
    $s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die "no agent: $!";
    syswrite $s, pack("N", 1) . $m;
    $x = ""; sysread $s, $x, 4096;
    print unpack("H*", $x), "\\n";
}' > /out"""


@pytest.mark.debian
def test_ssh_key(new_slct):
    """A key file: an agent with it for the time of the build, of which a step sees the keys and changes nothing."""
    need("ssh-agent")
    slct = new_slct(base="debian")
    for name, phrase in (("key", ""), ("locked", "phrase")):
        subprocess.run([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", phrase, "-f", slct.work / name], check=True)
    (slct.work / "key").chmod(0o644)
    command = TALK.replace("\n", " ")
    text = f"FROM localhost/debian:12\nUSER daemon\nRUN --mount=type=ssh,uid=1 {command.replace('/out', '/tmp/out')}\n"
    slct.build(text, "--ssh", f"default={slct.work / 'key'}")
    listed, refused, again = slct.image().text("tmp/out").split()
    blob = (slct.work / "key.pub").read_text().split()[1]
    assert base64.b64decode(blob).hex() in listed and refused == "0000000105" and again == listed
    result = slct.build(text, "--no-cache", "--ssh", f"default={slct.work / 'locked'}", rc=None)
    assert result.rc != 0 and "--ssh default" in result.err and "passphrase" in result.err
    result = slct.build(text, "--ssh", f"default={slct.work / 'key'}", env={"PATH": "/nonexistent"}, rc=None)
    assert result.rc == 0, "cached: no agent is needed"
    result = slct.build(text, "--no-cache", "--ssh", f"default={slct.work / 'key'}", env={"PATH": "/nonexistent"},
                        rc=None)
    assert "openssh-client" in result.err


# --- bind ---

def test_bind_of_the_context(any_slct):
    files = {"src/a.txt": "a", "src/sub/b.txt": "b", "src/no.txt": "no", "top.txt": "top",
             ".dockerignore": "**/no.txt\n"}
    build(any_slct, """\
        RUN --mount=type=bind,source=src,target=/src find /src -type f | sort > /out; stat -c '%u:%g %Y' /src/a.txt >> /out
        RUN --mount=source=top.txt,target=/file cat /file >> /out; echo >> /out
        RUN --mount=target=/all ls /all >> /out; ! touch /all/x 2> /dev/null
        RUN --mount=target=/all,rw touch /all/x && rm /all/top.txt
        RUN --mount=target=/all ls /all >> /out
        """, files=files)
    image = any_slct.image()
    assert image.text("out").split() == ["/src/a.txt", "/src/sub/b.txt", "0:0", "315619201", "top",
                                         "Dockerfile", "src", "top.txt", "Dockerfile", "src", "top.txt"]
    assert names(any_slct) == {"out"}


def test_bind_of_the_context_is_in_the_key_by_content(slct):
    folder = slct.context({"Dockerfile": B + "RUN --mount=source=src,target=/src cat /src/* > /out\n", "src/a": "one",
                           "other": "x"})
    slct.build(folder)
    (folder / "other").write_text("y")
    os.utime(folder / "src/a", (5, 5))
    assert slct.build(folder).ran == []
    (folder / "src/a").write_text("two")
    assert len(slct.build(folder).ran) == 1
    assert slct.image().text("out") == "two"


def test_bind_from_stage_and_image(any_slct):
    any_slct.build(textwrap.dedent("""\
        FROM localhost/busybox:1 AS lib
        RUN mkdir /d && echo lib > /d/f && chown 5:6 /d/f && ln -s /d /link
        FROM localhost/busybox:1
        RUN --mount=from=lib,source=/d,target=/m cat /m/f > /out; stat -c %u:%g /m/f >> /out
        RUN --mount=from=lib,source=/link/f,target=/f cat /f >> /out
        RUN --mount=from=lib,source=d,target=/m,rw echo changed > /m/f && cat /m/f >> /out
        RUN --mount=from=lib,source=/d,target=/m cat /m/f >> /out; ! touch /m/x 2> /dev/null
        RUN --mount=from=localhost/busybox:1,target=/img test -x /img/bin/busybox
        RUN --mount=from=0,target=/img test -e /img/d/f
        """))
    assert any_slct.image().text("out").split() == ["lib", "5:6", "lib", "changed", "lib"]
    assert names(any_slct) == {"out"}


def test_bind_from_a_stage_is_an_edge(slct):
    text = "FROM localhost/busybox:1 AS lib\nRUN echo {} > /f\nFROM localhost/busybox:1\n" \
           "RUN --mount=from=lib,target=/lib cat /lib/f > /out\nRUN cat /out\n"
    slct.build(text.format(1))
    assert slct.build(text.format(1)).ran == []
    slct.build(text.format(2))
    assert slct.image().text("out") == "2\n"
    result = slct.build(text.format("2 "), tag="test:2")
    assert len(result.ran) == 1, "the stage's result is as before"


def test_bind_missing_source_in_stage(slct):
    result = build(slct, "RUN --mount=from=localhost/busybox:1,source=/nowhere,target=/m true\n", rc=None)
    assert "/nowhere" in result.err and "Dockerfile:2" in result.err
    result = build(slct, "RUN --mount=source=../../etc,target=/m true\n", rc=None)
    assert '"../../etc": no such file' in result.err


def test_bind_file_over_directory(slct):
    result = build(slct, "RUN --mount=source=Dockerfile,target=/tmp true\n", rc=None)
    assert "the source is a file, the target is a directory" in result.err


# --- cache ---

def caches(slct):
    return sorted((slct.store / "mounts").iterdir())


def test_cache_is_kept_and_in_no_layer(any_slct):
    for i in range(1, 4):
        build(any_slct, f"RUN --mount=type=cache,target=/c,mode=0750,uid=3,gid=4 echo {i} >> /c/log; cp /c/log /out;"
                        " stat -c '%a %u:%g' /c >> /out\n")
        assert any_slct.image().text("out").split() == [*map(str, range(1, i + 1)), "750", "3:4"]
        assert names(any_slct) == {"out"}
    assert len(caches(any_slct)) == 1


def test_cache_id_and_default(slct):
    build(slct, """\
        RUN --mount=type=cache,target=/a echo a > /a/f
        RUN --mount=type=cache,target=/b,id=/a cat /b/f > /out
        RUN --mount=type=cache,target=/a,id=../../../../tmp/x ls -a /a >> /out
        RUN --mount=type=cache,target=/a,ro ! touch /a/x 2> /dev/null && ls /a >> /out
        """)
    assert slct.image().text("out").split() == ["a", ".", "..", "f"]
    assert all(len(path.name) == 64 for path in caches(slct)) and len(caches(slct)) == 2


def test_cache_from_stage_is_its_first_content(any_slct):
    text = """\
        FROM localhost/busybox:1 AS seed
        RUN mkdir -p /s/d && echo seed > /s/d/f && chown 5:6 /s/d/f && touch -d @157766400 /s/d/f
        FROM localhost/busybox:1
        RUN --mount=type=cache,target=/c,from=seed,source=/s cat /c/d/f > /out; stat -c '%u:%g %Y' /c/d/f >> /out; echo X > /c/d/f
        RUN --mount=type=cache,target=/c,from=seed,source=/s cat /c/d/f >> /out
        RUN --mount=from=seed,source=/s,target=/c cat /c/d/f >> /out
        """
    any_slct.build(textwrap.dedent(text))
    assert any_slct.image().text("out").split() == ["seed", "5:6", "157766400", "X", "seed"]


def both(slct, sharing, script):
    """Two stages that run at the same time with one cache."""
    text = "".join(f"FROM localhost/busybox:1 AS s{i}\n"
                   f"RUN --mount=type=cache,target=/c,sharing={sharing} {script.replace('$I', str(i))}\n"
                   for i in (1, 2))
    text += "FROM scratch\nCOPY --from=s1 /out /1\nCOPY --from=s2 /out /2\n"
    slct.build(text, "-j", "2")
    return slct.image()


def test_locked_cache_serialises(slct):
    # Who is in the directory alone sees no mark of the other.
    image = both(slct, "locked",
                 "n=0; test -e /c/mark && n=1; touch /c/mark; for i in 1 2 3 4 5 6; do sleep 0.05; done;"
                                 " rm /c/mark; echo $n > /out")
    assert image.text("1") == "0\n" and image.text("2") == "0\n"


def test_shared_cache_is_used_by_both(slct):
    # Each waits for the other's mark.
    image = both(slct, "shared",
                 "touch /c/$I; for i in $(seq 200); do test -e /c/1 -a -e /c/2 && break; sleep 0.05; done;"
                                 " ls /c | wc -l > /out")
    assert image.text("1") == "2\n" and image.text("2") == "2\n"


def test_private_cache_is_used_by_one(slct):
    script = "ls /c | wc -l > /out; touch /c/$I; for i in 1 2 3 4 5 6 7 8; do sleep 0.05; done; ls /c | wc -l >> /out"
    image = both(slct, "private", script)
    assert image.text("1").split() == ["0", "1"] and image.text("2").split() == ["0", "1"]
    (cache,) = caches(slct)
    assert {p.name for p in cache.glob("data.*")} == {"data.0", "data.1"}


# Compiles a.in to the cache as make would: only what is newer than its result. The shell compares whole seconds, so the
# results are dated back.
COMPILE = "for f in a b; do test -e /c/$f.o -a ! SRC/$f.in -nt /c/$f.o || " \
          "{ cp SRC/$f.in /c/$f.o; touch -d @$(($(date +%s)-2)) /c/$f.o; echo $f; }; done"


@pytest.mark.parametrize("mount,src,copy", [("", "/src", "COPY src /src\n"),
                                            ("--mount=source=src,target=/m ", "/m", ""),
                                            ("--mount=from=in,source=/s,target=/m ", "/m", "IN")])
def test_edits_are_newer_than_the_cache(any_slct, mount, src, copy):
    first = "FROM localhost/busybox:1 AS in\nCOPY src /s\n" + B if copy == "IN" else B + copy
    text = first + f"RUN --mount=type=cache,target=/c {mount}{COMPILE.replace('SRC', src)} > /out; cat /c/*.o >> /out\n"
    folder = any_slct.context({"Dockerfile": text, "src/a.in": "a1\n", "src/b.in": "b1\n"})

    def compiled():
        any_slct.build(folder)
        return any_slct.image().text("out").split()

    assert compiled() == ["a", "b", "a1", "b1"]
    (folder / "src/a.in").write_text("a2\n")
    assert compiled() == ["a", "a2", "b1"]
    (folder / "src/b.in").write_text("b2\n")
    assert compiled() == ["b", "a2", "b2"]
    (folder / "src/a.in").write_text("a1\n")    # back to what was cached: another layer is older, the object is not
    (folder / "src/b.in").write_text("b3\n")
    assert compiled() == ["a", "b", "a1", "b3"]
    image = any_slct.image()
    assert {path for path, _ in image.layers[-1]} == {"out"}, "a touched file is no change"


def test_edits_are_newer_after_a_failed_step(slct):
    def text(before, after):
        return B + f"COPY src /src\nRUN --mount=type=cache,target=/c {before}{COMPILE.replace('SRC', '/src')}" \
                   f" > /out; cat /c/*.o >> /out; {after}\n"

    folder = slct.context({"Dockerfile": text("", "true"), "src/a.in": "a1\n", "src/b.in": "b1\n"})
    slct.build(folder)
    (folder / "src/a.in").write_text("a2\n")
    (folder / "Dockerfile").write_text(text("", "false"))
    slct.build(folder, rc=None)     # has compiled a2
    (folder / "src/a.in").write_text("a1\n")
    (folder / "Dockerfile").write_text(text("", "true #"))
    slct.build(folder)
    assert slct.image().text("out").split() == ["a", "a1", "b1"]
    (folder / "src/a.in").write_text("a3\n")
    (folder / "Dockerfile").write_text(text("false && ", "false"))
    slct.build(folder, rc=None)     # has compiled nothing
    (folder / "Dockerfile").write_text(text("", "true ##"))
    slct.build(folder)
    assert slct.image().text("out").split() == ["a", "a3", "b1"]


def make_tools(folder):
    """The host's make with its libraries."""
    make = need("make")
    listed = subprocess.run(["ldd", make], check=True, capture_output=True, text=True).stdout
    files = [make, *[word for line in listed.splitlines() for word in line.split() if word.startswith("/")]]
    for file in files:
        to = folder / "tools" / file.lstrip("/").replace("usr/", "", 1)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(open(file, "rb").read())
        to.chmod(0o755)


def test_make_rebuilds_after_a_one_byte_edit(slct):
    folder = slct.context({"src/main.c": "int a;\n", "src/other.c": "int b;\n", "src/Makefile": """\
        OBJS = /obj/main.o /obj/other.o
        /obj/prog: $(OBJS)
        \tcat $^ > $@
        /obj/%.o: %.c
        \tcp $< $@; echo $< >> /built
        """, "Dockerfile": B + "COPY tools /\nCOPY src /src\nWORKDIR /src\n"
             "RUN --mount=type=cache,target=/obj touch /built; make && cp /obj/prog /prog\n"})
    make_tools(folder)
    slct.build(folder)
    assert sorted(slct.image().text("built").split()) == ["main.c", "other.c"]
    (folder / "src/main.c").write_text("int c;\n")
    slct.build(folder)
    assert slct.image().text("built").split() == ["main.c"]
    assert slct.image().text("prog") == "int c;\nint b;\n"


def test_unpacked_layers_and_caches_survive_fsck_and_gc(slct):
    build(slct, "RUN --mount=type=cache,target=/c echo 1 > /c/f\n")
    slct.fsck()
    slct.run("gc")
    build(slct, "RUN --mount=type=cache,target=/c cat /c/f > /out\n")
    assert slct.image().text("out") == "1\n"
