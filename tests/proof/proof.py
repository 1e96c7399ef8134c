#!/usr/bin/env python3
"""The same image in every tier of isolation, compared with real root path by path (treetable.py).

    proof.py [--keep] [TIER...]          tiers beside root; default: those that work here

Installs and starts what looks hardest at owners and modes (openssh-server, postgresql with a query by peer
authentication, exim4, dbus, sudo, systemd, man-db, iputils-ping), and uses the tools that change them. It is built in
tier root twice: content that differs between the two (host keys, random ids, clocks) explains itself. Any other
difference is printed and counts. Closes with "N passed, N failed"; run it as root, `make proof`. Tiers of an ordinary
user run as a user made for it. Needs the Debian base and its package sources: some minutes.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import treetable

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLCT = pathlib.Path(os.environ.get("SLCT", ROOT / "build/slct"))
BASE = pathlib.Path(os.environ.get("SLCT_BASES", ROOT / "build/bases")) / "debian.tar"
ORDINARY = ("range", "solo")
PACKAGES = "openssh-server postgresql exim4 dbus sudo systemd man-db iputils-ping libcap2-bin acl rsync attr"

DOCKERFILE = rf"""FROM localhost/debian:12
ENV DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
RUN apt-get -qq update && apt-get -qq -y install --no-install-recommends {PACKAGES} >/dev/null && \
    rm -rf /var/lib/apt/lists/*
# The server is initialised, started and asked by a user whom it knows by his uid.
RUN [ -e /etc/postgresql/15/main ] || pg_createcluster 15 main; ctl="/usr/lib/postgresql/15/bin/pg_ctl -w \
    -D /var/lib/postgresql/15/main -l /var/log/postgresql/start -o '-c config_file=/etc/postgresql/15/main/postgresql.conf'"; \
    su postgres -c "$ctl start" && su postgres -c "psql -Atc 'select current_user'" | grep -qx postgres && \
    su postgres -c "$ctl stop -m immediate" && \
    rm -rf /var/lib/postgresql/15/main/pg_wal /var/lib/postgresql/15/main/pg_stat* && rm -f /var/log/postgresql/*
RUN set -e; mkdir /t; cd /t; \
    useradd -m -s /bin/bash -u 1234 alice; useradd -r -M bob; groupadd -g 4321 team; usermod -aG team alice; \
    su alice -c 'touch /tmp/by-su; mkdir -p ~/d; echo hi > ~/d/f; id > ~/id'; \
    echo 'alice ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/alice; chmod 440 /etc/sudoers.d/alice; \
    su alice -c 'sudo -n touch /t/by-sudo; sudo -n -u bob id -un > /tmp/bob'; sudo -u alice touch /tmp/by-sudo-u; \
    setpriv --reuid 1234 --regid 1234 --clear-groups touch /tmp/by-setpriv; \
    setpriv --reuid 4000 --regid 4001 --groups 4002 sh -c 'id > /tmp/ids-setpriv'; \
    runuser -u alice -- touch /tmp/by-runuser; runuser -u alice -- sh -c 'id -u; id -g; id -Gn' > runuser; \
    install -o alice -g team -m 2750 -d inst; install -o bob -g bob -m 4711 /bin/true inst/true; \
    cp -a /home/alice cp-a; cp -a --sparse=always /bin/ls ls; ln ls hard; ln -s nowhere sym; chown -h 7:8 sym; \
    tar -cf - -C /home alice | tar -xpf - -C /t; tar --numeric-owner --mtime=@0 -cf a.tar -C / home/alice; tar -tvf a.tar > list; rm a.tar; \
    rsync -aHAX /home/alice/ rsynced/; \
    dpkg-statoverride --add --update alice team 2755 /usr/bin/wall || dpkg-statoverride --add --update alice team 2755 /usr/bin/chage; \
    setcap cap_net_raw+ep inst/true; getcap inst/true > caps; getcap "$(command -v ping)" >> caps; \
    mkfifo fifo; chmod 640 fifo; chown 9:10 fifo; \
    echo x > edit; chown 1234:4321 edit; chmod 640 edit; sed -i s/x/y/ edit; stat -c '%u:%g %a' edit > edited; \
    su alice -c 'echo mine > /tmp/alices'; sed -i s/mine/yours/ /tmp/alices; \
    setfattr -n user.note -v value edit; touch acl; setfacl -m u::rw,g::r,o::- acl; chgrp team acl; \
    mkdir sg; chown alice:team sg; chmod 2775 sg; touch sg/inherits; mkdir sg/sub; su alice -c 'touch /t/sg/by-alice'; \
    mkdir sticky; chmod 1777 sticky; chown -R --from=0:0 5:6 cp-a; chmod u+s,g+s cp-a/d/f; touch -d @86400 sg/inherits; \
    find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -printf '%p %U:%G %m %y\n' 2>/dev/null | sort > /t/seen
"""
# A step gets EPERM for it in range, where a node cannot be made: a tier of its own.
NODES = ("RUN mknod /t/null c 1 3 && chmod 640 /t/null && chown 3:4 /t/null && stat -c '%t:%T %a %u:%g' /t/null > "
         "/t/node\n")
HAS_NODES = ("root", "solo", "chroot")


def run(argv, **kw):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, **kw)
    if done.returncode:
        raise RuntimeError(f"{argv[0]}: exit status {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


class Builder:
    def __init__(self, work, user):
        self.work, self.user = work, user
        self.slct = work / "slct"
        shutil.copy(SLCT, self.slct)
        (work / "context").mkdir()

    def build(self, tier, name, dockerfile):
        """The image's table."""
        ordinary = tier in ORDINARY
        home = self.work / name
        home.mkdir()
        (home / "context").mkdir()
        (home / "context/Dockerfile").write_text(dockerfile)
        prefix = []
        if ordinary:
            subprocess.run(["chown", "-R", self.user, str(home)], check=True)
            prefix = ["setpriv", "--reuid", self.user, "--regid", self.user, "--init-groups", "--"]
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "SLCT_ROOT": str(home / "store"), "LC_ALL": "C.UTF-8"}
        begun = time.monotonic()
        run([*prefix, self.slct, "-q", "import", BASE, "localhost/debian:12"], env=env)
        run([*prefix, self.slct, "build", "--isolation", tier, "-t", "proof:1", "-o", f"type=tar,dest={home}/image.tar",
             home / "context"], env=env)
        print(f"{name}: built in {time.monotonic() - begun:.0f} s", flush=True)
        rows = treetable.read(home / "image.tar")
        shutil.rmtree(home / "context")
        (home / "image.tar").unlink()
        subprocess.run(["rm", "-rf", "--one-file-system", str(home)], check=False)
        return rows


# What a tier says that it does not keep (docs/security-model.md): column -> what it becomes.
STATED = {}
# The same for paths, or links as "PATH -> TARGET", with the cause.
NO_PROC = "systemd-tmpfiles makes nothing without /proc"
HOST_NAME = "the host's name, since there is no UTS namespace"
CAUSES = {"chroot": (
    (r"/run/.+|/etc/mtab|/root/\.ssh|/var/(cache|lib|log)/private|/var/lib/systemd/(coredump|pstore)", NO_PROC),
    (r"/var/log/(README|btmp|journal|lastlog|wtmp)", NO_PROC),
    (r"/etc/mailname|/etc/exim4/update-exim4.*|/var/lib/exim4/config.*|/var/cache/debconf/config.*", HOST_NAME),
    (r"/etc/ssl/certs/[0-9a-f]{8}\.0 -> ssl-cert-snakeoil\.pem",
     "the hash of the certificate's subject, which is " + HOST_NAME),
    (r"/var/(mail|spool/exim4|log/exim4)/.*", "sudo mails that it cannot find the host's name"),
    (r"/t/seen", "the list of what is there"),
)}


def explained(tier, path, row, columns, noise):
    """What the tier states, and content that two builds by real root do not have in common either."""
    link = f"{path} -> {row[treetable.COLUMNS.index('target')]}"
    if any(re.fullmatch(pattern, path) or re.fullmatch(pattern, link) for pattern, _ in CAUSES.get(tier, ())):
        return True
    stated = STATED.get(tier, {})
    columns = {c: (x, y) for c, (x, y) in columns.items() if stated.get(c) != y}
    if not columns:
        return True
    if path in noise and set(columns) <= set(noise[path]) | {"size", "digest"}:
        return True
    # A whole directory of names by chance: it is as different between the two.
    return "type" in columns and "missing" in columns["type"] and \
        any(os.path.dirname(path) == os.path.dirname(n) and "missing" in noise[n].get("type", ()) for n in noise)


def compare(tier, rows, base, noise):
    found = {p: c for p, c in treetable.diff(base, rows).items()
             if not explained(tier, p, rows.get(p) or base[p], c, noise)}
    for path, columns in list(found.items())[:60]:
        print("    " + treetable.show(path, columns))
    print(f"{tier}: {len(rows)} paths, {len(found)} unexplained differences from root "
          f"({len(treetable.diff(base, rows))} with what chance, clocks and the tier's stated limits make)", flush=True)
    return not found


def tiers_here(builder):
    out = []
    for tier in ("range", "solo", "chroot"):
        try:
            probe = "FROM localhost/debian:12\nRUN true\n"
            builder.build(tier, f"probe-{tier}", probe)
            out.append(tier)
        except RuntimeError as e:
            print(f"{tier}: not here: {str(e).splitlines()[-1]}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the tables, and say where")
    parser.add_argument("tiers", nargs="*")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("run it as root: real root is what the others are compared with")
    if not BASE.exists():
        sys.exit(f"{BASE} is missing: flavors/make-bases.sh build/bases")
    user = f"slctpr{os.getpid()}"
    work = pathlib.Path(tempfile.mkdtemp(prefix="slct-proof.", dir="/var/tmp"))
    work.chmod(0o755)
    subprocess.run(["useradd", "--create-home", "--home-dir", str(work / "user"), user], check=True)
    passed = failed = 0
    try:
        builder = Builder(work, user)
        tiers = args.tiers or tiers_here(builder)
        first, second = (builder.build("root", f"root{n}", DOCKERFILE) for n in (1, 2))
        noise = treetable.diff(first, second)
        strange = {p: c for p, c in noise.items() if not set(c) <= {"size", "digest"} and "type" not in c}
        print(f"root: {len(first)} paths; {len(noise)} differ between two builds, {len(strange)} of them in more than "
              "content")
        for tier in tiers:
            try:
                good = compare(tier, builder.build(tier, tier, DOCKERFILE), first, noise)
            except RuntimeError as e:
                print(f"{tier}: {e}")
                good = False
            passed, failed = passed + good, failed + (not good)
    finally:
        subprocess.run(["userdel", user], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(work)], check=False)
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
