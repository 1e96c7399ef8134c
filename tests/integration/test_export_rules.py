"""flavor.yml: rules for exports, and a flavor.yml beside EXASLCT's build_steps.py."""
import json
import tarfile

import pytest

from exflavor import chain
from lab import write_tree

BASE = ("FROM localhost/busybox:1\nRUN mkdir -p /opt/doc /opt/build/deep /srv/opt/doc /etc /var/lib/dpkg /conf && "
        "for f in opt/doc/a opt/build/deep/x srv/opt/doc/a etc/motd var/lib/dpkg/status; "
        "do echo image >/$f; done\n")
RULES = """
    export:
      exclude: [/opt/build/, "opt/d*/?"]
      links: {etc/hosts: /own/hosts, new/link: ../x}
      files: {etc/motd: export/motd, usr/local/bin/run: export/run, exasol-manifest.json: export/m.json}
    """
FILES = {"export/motd": "of the flavor\n", "export/run": ("#!/bin/sh\n", 0o700), "export/m.json": '{"a": 1}'}


def flavor(slct, yml, files=FILES):
    return slct.flavor({"release": BASE}, extra={"flavor.yml": yml, **files})


def export(slct, folder, *args):
    """Member → (header, contents), in order."""
    out = folder.parent / "out.tar"
    slct.run("export", folder, *args, "--format", "tar", "-o", out)
    with tarfile.open(out) as tar:
        return {m.name.rstrip("/"): (m, tar.extractfile(m).read() if m.isreg() else None) for m in tar.getmembers()}


def test_rules(slct):
    found = export(slct, flavor(slct, RULES))
    assert "opt/build" not in found and "opt/doc/a" not in found and "opt/doc" in found
    assert "srv/opt/doc/a" in found, "globs are anchored at the root"
    assert "var/lib/dpkg" not in found, "the usual rules hold, too"
    assert found["etc/hosts"][0].linkname == "/own/hosts"
    assert found["etc/resolv.conf"][0].linkname == "/conf/resolv.conf"
    assert found["new"][0].isdir() and found["new/link"][0].linkname == "../x"
    assert found["etc/motd"][1] == b"of the flavor\n" and found["etc/motd"][0].mode == 0o644
    run = found["usr/local/bin/run"][0]
    assert (run.mode, run.uid, run.gid) == (0o755, 0, 0)
    assert list(found)[-1] == "exasol-manifest.json" and found["exasol-manifest.json"][1] == b'{"a": 1}'


def test_rules_without_the_usual_ones(slct):
    found = export(slct, flavor(slct, "export:\n  usual: false\n  exclude: [opt]\n"))
    assert "opt" not in found and "var/lib/dpkg/status" in found and "exasol-manifest.json" not in found
    assert "etc/resolv.conf" not in found, "no link to /conf"


def test_the_same_bytes(slct, new_slct):
    """No key, an empty one and the same rules on another store; the time and mode of the sources do not matter."""
    archives = []
    for one, yml in ((slct, "version: 1\n"), (slct, "export:\n"), (slct, RULES), (new_slct(), RULES)):
        folder = flavor(one, yml)
        (folder / "export/run").chmod(0o755 if len(archives) % 2 else 0o700)
        one.run("export", folder, "--format", "tar.gz", "-o", folder.parent / "a")
        archives.append((folder.parent / "a").read_bytes())
    assert archives[0] == archives[1] and archives[2] == archives[3] and archives[0] != archives[2]


def test_rules_of_directories_and_of_tests(any_slct):
    yml = RULES + """
    tests:
      out:
        stage: release
        exported: true
        run: test ! -e /opt/build && test -x /usr/local/bin/run && cat /exasol-manifest.json
      in: {stage: release, run: test -e /opt/build && test ! -e /exasol-manifest.json}
    """
    folder = flavor(any_slct, yml)
    assert any_slct.run("test", folder).out.count("ok ") == 2
    out = folder.parent / "tree"
    any_slct.run("export", folder, "--format", "dir", "-o", out)
    assert (out / "etc/motd").read_text() == "of the flavor\n" and not (out / "opt/build").exists()


@pytest.mark.parametrize("command", ("lint", "export"))
def test_a_source_that_is_not_there(slct, command):
    folder = flavor(slct, "version: 1\nexport:\n  files:\n    etc/motd: nothing\n", {})
    args = ["-o", slct.work / "o"] if command == "export" else []
    err = slct.run(command, folder, *args, rc=3).err
    assert "flavor.yml:4" in err and "etc/motd" in err and not (slct.work / "o").exists()


def test_a_large_source(slct):
    folder = flavor(slct, "export:\n  files: {a: big}\n", {"big": b"x" * (1 << 20)})
    assert export(slct, folder)["a"][0].size == 1 << 20
    (folder / "big").write_bytes(b"x" * ((1 << 20) + 1))
    assert "flavor.yml:2" in slct.run("lint", folder, rc=3).err


def test_beside_build_steps(slct):
    """A flavor.yml without stages adds to EXASLCT's layout; one with stages takes its place."""
    root = write_tree(slct.work / "repo", {f"flavors/x/{k}": v for k, v in chain().items()})
    folder = root / "flavors/x"
    plain = export(slct, folder)
    write_tree(folder, {"flavor.yml": """
        export: {exclude: [opt/app]}
        services:
          s: {stage: release, run: httpd -f -p 8080 -h /exaudf, ready: wget -qO- http://127.0.0.1:8080/deps}
        tests:
          client: {stage: release, run: grep -q built /exaudf/client}
          beside: {stage: deps, services: [s], run: wget -qO- http://127.0.0.1:8080/client}
        """})
    assert set(plain) - set(export(slct, folder)) == {
        "opt/app", "opt/app/dev", "opt/app/dev/keep", "opt/app/proc", "opt/app/proc/keep"}
    assert slct.run("test", folder).out.count("ok ") == 2
    goals = json.loads(slct.run("plan", "--json", folder).out)["goals"]
    assert goals == ["x/release"]
    (folder / "flavor.yml").write_text("stages: {nosuch: {}}\n")
    assert "flavor.yml:1" in slct.run("plan", folder, rc=3).err


def test_cached_exports_know_the_rules(slct):
    """EXASLCT's export without --export-path keeps archives; other rules make another one."""
    root = write_tree(slct.work / "repo", {f"flavors/x/{k}": v for k, v in chain().items()})

    def archives():
        slct.run("exaslct", "export", "--flavor-path", "flavors/x", cwd=root)
        return sorted(p.name for p in (root / ".build_output/cache/exports").glob("*.tar.gz"))

    first = archives()
    write_tree(root / "flavors/x", {"flavor.yml": "export: {files: {a: a}}\n", "a": "1"})
    second = archives()
    assert len(first) == 1 and len(second) == 2 and archives() == second
    (root / "flavors/x/a").write_text("2")
    assert len(archives()) == 3


def test_init_writes_rules_and_a_test(slct):
    slct.run("init", "flavor", "--base", "localhost/busybox:1", "mine", cwd=slct.work)
    folder = slct.work / "mine"
    slct.run("lint", folder)
    assert "ok   mine/hello" in slct.run("test", folder).out
    found = export(slct, folder)
    assert "exaudf/built" not in found and "exaudf/hello.sh" in found
