"""EXASLCT's commands and options: all are known, and they do what EXASLCT's users expect of them."""
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path

import pytest

from exflavor import build_steps, chain, context_hash
from lab import CI, REPO, lack, need, write_tree

FACTS = json.loads((REPO / "tests/data/exaslct/options.json").read_text())
ARCH = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def make(slct, files=None, name="demo-all", more=None):
    """A repository with one flavor (or several), its root."""
    slct.count += 1
    root = slct.work / f"repo{slct.count}"
    flavors = {f"flavors/{name}/{path}": text for path, text in (files or chain()).items()}
    write_tree(root, {**flavors, **(more or {})})
    slct.give(root)
    return root


def ex(slct, root, command, *args, flavor="demo-all", **kw):
    where = ["--flavor-path", f"flavors/{flavor}"] if flavor else []
    return slct.run("exaslct", command, *where, *args, cwd=root, **kw)


# --- options ---

def ours(slct):
    listing = json.loads(slct.run("exaslct", "--json").out)
    return {c["name"]: c for c in listing["commands"]}


def compare(table, facts):
    for command, options in facts["exaslct"].items():
        have = {o["name"]: o for o in table[command]["options"]}
        assert sorted(have) == sorted(o["name"] for o in options), command
        for o in options:
            mine = have[o["name"]]
            assert (mine["value"], mine["pair"]) == (o["value"], o["pair"]), f"{command} --{o['name']}"
            assert mine["repeated"] or not o["repeated"], f"{command} --{o['name']}"
            assert mine["worth"] in ("works", "accepted", "refused")
            assert mine["worth"] == "works" or mine["why"], f"{command} --{o['name']}: no reason"
    assert set(facts["itde"]) <= set(table)


def test_options_are_those_of_exaslct(empty):
    compare(ours(empty), FACTS)
    assert sum(len(o) for o in FACTS["exaslct"].values()) == 319


def test_options_are_those_of_its_sources(empty):
    """Against checkouts of EXASLCT's repositories, where somebody has them: EXASLCT_TOOL and EXASLCT_ITDE."""
    tool, itde = os.environ.get("EXASLCT_TOOL"), os.environ.get("EXASLCT_ITDE")
    if CI or not tool or not itde:
        pytest.skip("no checkouts of EXASLCT's sources")
    done = subprocess.run([sys.executable, REPO / "tests/tools/exaslct_options.py", tool, itde], check=True,
                          capture_output=True, text=True)
    assert json.loads(done.stdout) == FACTS, "tests/data/exaslct/options.json is older than the sources"


SAMPLE = {"workers": "3", "max_start_attempts": "2"}


def sample(o):
    if o["choices"]:
        return o["choices"][0]
    if o["bool"]:
        return "True"
    return {"log-level": "INFO", "db-os-access": "SSH", "compression-strategy": "none", "accelerator": "nvidia",
            **SAMPLE}.get(o["name"], "8080" if o["name"].endswith("port") else "text")


@pytest.mark.parametrize("command", sorted(FACTS["exaslct"]))
def test_every_option_is_parsed(empty, command):
    args = []
    for o in FACTS["exaslct"][command]:
        name = f"--{o['name']}"
        args += [name, f"--no-{o['name']}"] if o["pair"] else [name, sample(o)]
        if o["letter"]:
            args += [f"-{o['letter']}", sample(o)]
    done = empty.run("exaslct", command, *args, "--help")
    assert done.out.startswith(f"Usage: slct exaslct {command} ")
    empty.run("exaslct", command, "--no-such-option", rc=2)
    empty.run("exaslct", command, "operand", rc=2)


@pytest.mark.parametrize("line", [
    # as the user guides, workflows and tests of Exasol's repositories write them
    "export --flavor-path=F --export-path out",
    "export --export-path out --cleanup-docker-images --output-directory o --flavor-path F",
    "deploy --flavor-path=F --bucketfs-password p --path-in-bucket a/b --bucketfs-use-https 1",
    "upload --no-bucketfs-https --release-name r --compression-strategy none --flavor-path F",
    "build --flavor-path=F --force-rebuild --force-rebuild-from base_test_deps --goal a --goal b",
    "save --save-directory s --output-directory o --task-dependencies-dot-file x.dot --flavor-path F",
    "build --cache-directory s --flavor-path F --use-job-specific-log-file True --log-level FATAL",
    "run-db-test --flavor-path=F --use-existing-container c.tar.gz --accelerator nvidia",
    "run-db-test --flavor-path F --test-file=a.py --db-mem-size=1GiB --reuse-test-environment",
    "run-db-test --flavor-path F --max_start_attempts 2 --test-environment-vars {}",
    "run-db-test --flavor-path F --additional-db-parameter -a=1 -p -b=1 -p=-c=1 -p-d=1",
    "push-test-container --force-push true --source-docker-tag-prefix ci --target-docker-tag-prefix ci",
    "generate-package-diffs --output-package-diff-directory o --current-working-copy-name 1 --compare-to-commit c",
    "clean-all-images --docker-repository-name x --workers 3",
    "build --flavor-path F --build-name --goal --goal --x --shortcut-build --no-shortcut-build --",
])
def test_lines_in_use_are_parsed(empty, line):
    command, *args = line.split()
    done = empty.run("exaslct", command, "--help", *args)
    assert done.out.startswith(f"Usage: slct exaslct {command} ")


@pytest.mark.parametrize("line", [
    "export --flavor-path=F --repository-name localhost:5000/u/r",   # of a guide that is older than its program
    "build --flavor-pat F", "build --flavor-path", "build --workers 0x10", "build --workers 5.0",
    "build --log-level info",
    "export --compression-strategy GZIP", "run-db-test --max-start-attempts 2", "run-db-test --environment-type none",
    "run-db-test --db-os-access ssh", "run-db-test --test-log-level WARNING", "run-db-test --accelerator all",
    "push-test-container --force-push", "deploy --bucketfs-use-https", "clean-all-images --flavor-path F",
])
def test_lines_that_click_refuses(empty, line):
    command, *args = line.split()
    empty.run("exaslct", command, "--help", *args, rc=2)


def test_link_named_exaslct(empty, binary):
    link = empty.work / "exaslct"
    link.symlink_to(binary)
    listing = subprocess.run([link], env=empty.env, capture_output=True, text=True, check=True).stdout
    assert all(command in listing for command in FACTS["exaslct"])
    done = subprocess.run([link, "biuld"], env=empty.env, capture_output=True, text=True)
    assert done.returncode == 2 and "did you mean build?" in done.stderr
    done = subprocess.run([link, "build", "--flavor-path", "/nowhere"], env=empty.env, capture_output=True, text=True)
    assert done.returncode == 2 and "/nowhere" in done.stderr


@pytest.mark.parametrize("command", ["install-starter-scripts", "health", "environment", "spawn-test-environment"])
def test_refused_commands_say_why(empty, command):
    done = empty.run("exaslct", command, "--whatever", rc=2)
    assert len(done.err) > 60 and command in done.err


@pytest.mark.parametrize("args, words", [
    (["deploy", "--saas-pat=secretpat"], "SaaS"),
    (["push-test-container", "--force-push", "maybe"], "neither true nor false"),
    (["build"], "--flavor-path is missing"),
    (["upload", "--flavor-path", ".", "--database-host", "h"], "--bucketfs-port is missing"),
    (["save", "--flavor-path", "."], "--save-directory is missing"),
    (["generate-language-activation", "--flavor-path", "."], "--bucketfs-name is missing"),
    (["generate-package-diffs"], "--output-package-diff-directory is missing"),
    (["build", "--log-level", "LOUD"], "LOUD"),
])
def test_wrong_use(empty, args, words):
    done = empty.run("exaslct", *args, rc=2)
    assert words in done.err and "secretpat" not in done.err


def test_options_without_meaning_are_remarked_on(slct):
    root = make(slct)
    done = ex(slct, root, "build", "--goal", "deps", "--source-docker-tag-prefix", "x")
    assert "--source-docker-tag-prefix has no meaning here: " in done.err


def test_log_of_a_command(slct):
    """What is said of a build, with the output of its steps: a file for each command, one for all, or where EXASLCT's
    variable says; secrets are masked."""
    root = make(slct)
    secret = {"SOURCE_DOCKER_PASSWORD": "hunter2hunter2"}
    file = root / "flavors/demo-all/flavor_base/deps/Dockerfile"
    file.write_text(file.read_text() + "RUN echo said-by-a-step hunter2hunter2\n")
    args = ("build", "--goal", "deps", "--source-docker-username", "u")
    done = ex(slct, root, *args, env=secret)
    ex(slct, root, *args, env=secret)
    logs = sorted((root / ".build_output/jobs").glob("*_build/logs/main.log"))
    assert len(logs) == 2
    first, second = (log.read_text() for log in logs)
    assert "[demo-all/deps] said-by-a-step ***\n" in first and "hunter2" not in first
    assert [line for line in first.splitlines() if "DONE" not in line and "steps run" not in line] == [
        line for line in done.err.splitlines() if "DONE" not in line and "steps run" not in line]
    assert "CACHED" in second and "[demo-all/deps] said-by-a-step" not in second
    for _ in range(2):
        ex(slct, root, *args, "--use-job-specific-log-file", "false", env=secret)
    both = (root / ".build_output/jobs/logs/main.log").read_text()
    assert both.count("isolation: ") == 2 and both.count("CACHED") == 2 * second.count("CACHED")
    ex(slct, root, *args, env={**secret, "EXA_BUILD_LOG": str(root / "own.log")})
    assert "CACHED" in (root / "own.log").read_text()
    assert sorted((root / ".build_output/jobs").glob("*_build/logs/main.log")) == logs
    file.write_text(file.read_text() + "RUN echo it-fails; exit 3\n")
    ex(slct, root, *args, rc=1, env={**secret, "EXA_BUILD_LOG": str(root / "failed.log")})
    assert "it-fails" in (root / "failed.log").read_text()


def test_force_pull(new_slct, registry):
    """What the repository has comes before what was built here by the same key; what it lacks is taken from here."""
    def archive(one, root):
        ex(one, root, "export", "--export-path", "o", "--release-goal", "lang")
        return (root / "o/demo-all_lang.tar.gz").read_bytes()

    one, other = new_slct(), new_slct()
    roots, repo = {}, registry.repo("forced")
    for each in (one, other):
        roots[each] = make(each)
        file = roots[each] / "flavors/demo-all/flavor_base/lang/Dockerfile"
        file.write_text("FROM {{deps}}\nRUN cat /proc/sys/kernel/random/uuid >/exaudf/lang\n")
    ex(one, roots[one], "push", "--goal", "lang", "--target-docker-repository-name", repo)
    source = ["--source-docker-repository-name", repo]
    ex(other, roots[other], "build", "--goal", "lang", "--goal", "custom")
    mine = archive(other, roots[other])
    assert mine != archive(one, roots[one])
    ex(other, roots[other], "build", "--goal", "lang", *source)
    assert archive(other, roots[other]) == mine, "without the option the store comes first"
    done = ex(other, roots[other], "build", "--goal", "lang", *source, "--force-pull")
    assert not done.ran and "no meaning" not in done.err
    pulled = other.run("cat", done.out.split()[-1], "/exaudf/lang").out
    assert pulled == one.run("cat", ex(one, roots[one], "build", "--goal", "lang").out.split()[-1], "/exaudf/lang").out
    done = ex(other, roots[other], "build", "--goal", "custom", *source, "--force-pull")
    assert {line.split()[0] for line in done.ran} <= {"demo-all/custom"}
    other.fsck()


def test_temporary_base_directory(slct):
    """It is made, and is what programs that slct starts have as TMPDIR; what is no directory is an error."""
    root = make(slct)
    ex(slct, root, "build", "--goal", "deps", "--temporary-base-directory", "new/tmp")
    assert (root / "new/tmp").is_dir()
    (root / "file").write_text("")
    assert "--temporary-base-directory" in ex(slct, root, "build", "--temporary-base-directory", "file", rc=3).err


# --- build ---

def test_build_names_images(slct):
    root = make(slct)
    done = ex(slct, root, "build", "--goal", "release", "--target-docker-repository-name", "localhost:5/slc",
              "--target-docker-tag-prefix", "pre", "--build-name", "ci7", "--workers", "2")
    (name,) = done.out.split()
    assert name.startswith(f"localhost:5/slc:pre_demo-all-release_{ARCH}_")
    key = name.rsplit("_", 1)[1]
    assert len(key) == 32 and key.islower()
    names = slct.run("images", "-q").out.split()
    assert name in names and f"localhost:5/slc:pre_demo-all-release_{ARCH}_ci7" in names
    again = ex(slct, root, "build", "--goal", "release", "--target-docker-repository-name", "localhost:5/slc",
               "--target-docker-tag-prefix", "pre")
    assert again.out == done.out and not again.ran


def test_key_changes_with_what_the_image_depends_on(slct):
    root = make(slct)

    def name(goal):
        return ex(slct, root, "build", "--goal", goal).out.strip()

    before = {goal: name(goal) for goal in ("lang", "build_run", "release")}
    file = root / "flavors/demo-all/flavor_base/lang/Dockerfile"
    file.write_text(file.read_text() + "LABEL changed=1\n")
    assert name("lang") != before["lang"], "a label changes the image, and so its name"
    assert name("build_run") == before["build_run"]
    assert name("release") != before["release"]


def test_default_goals_and_several_flavors(slct):
    more = {"flavors/other/" + k: v for k, v in chain().items()}
    root = make(slct, more=more)
    done = slct.run("exaslct", "build", "--flavor-path", "flavors/demo-all", "--flavor-path", "flavors/other", cwd=root)
    assert [line.split(":")[1].split("_")[0] for line in done.out.split()] == ["demo-all-release", "other-release"]
    unknown = slct.run("exaslct", "build", "--flavor-path", "flavors/other", "--goal", "relase", cwd=root, rc=3)
    assert "relase" in unknown.err and "other/release" in unknown.err


def test_options_that_are_empty_are_not_given(slct):
    """A CI job passes variables that may be empty."""
    root = make(slct)
    empty = ["--build-name=", "--cache-directory=", "--target-docker-tag-prefix=", "--source-docker-repository-name=",
             "--target-docker-repository-name=", "--output-directory="]
    done = ex(slct, root, "build", "--goal", "release", *empty)
    assert done.out == ex(slct, root, "build", "--goal", "release").out
    assert slct.run("images", "-q").out.split() == sorted([done.out.strip(), "localhost/busybox:1"])


def test_build_info(slct):
    """EXASLCT makes /build_info in every image: a release copies it from a stage that did not."""
    root = make(slct)
    release = root / "flavors/demo-all/flavor_base/release/Dockerfile"
    release.write_text(release.read_text() + "COPY --from={{custom}} /build_info /build_info\n")
    ex(slct, root, "export", "--export-path", "o")
    found, _ = members(root / "o/demo-all_release.tar.gz")
    assert sorted(n for n in found if n.startswith("build_info")) == [
        "build_info", "build_info/dockerfiles", "build_info/dockerfiles/custom"]
    with tarfile.open(root / "o/demo-all_release.tar.gz") as tar:
        text = tar.extractfile("build_info/dockerfiles/custom").read()
    assert text == (root / "flavors/demo-all/flavor_base/custom/Dockerfile").read_bytes()


def test_force_rebuild(slct):
    root = make(slct)
    everything = ["build_run 1", "custom 1", "deps 1", "lang 1", "release 1", "release 2"]

    def ran(*args):
        return [s.removeprefix("demo-all/") for s in ex(slct, root, "build", *args).ran]

    assert ran() == everything
    assert ran() == []
    assert ran("--force-rebuild") == everything
    assert ran("--force-rebuild", "--force-rebuild-from", "lang") == ["custom 1", "lang 1", "release 1", "release 2"]
    assert ran("--force-rebuild", "--force-rebuild-from", "lang", "--goal", "build_run") == []
    assert ran("--force-rebuild", "--force-rebuild-from", "custom", "--force-rebuild-from", "build_run") == [
        "build_run 1", "custom 1", "release 1", "release 2"]
    assert ran("--force-rebuild", "--no-force-rebuild") == []
    alone = ex(slct, root, "build", "--force-rebuild-from", "lang")
    assert not alone.ran and "does nothing without --force-rebuild" in alone.err
    assert "no stage \"langs\"" in ex(slct, root, "build", "--force-rebuild", "--force-rebuild-from", "langs", rc=3).err


def test_force_rebuild_from_in_several_flavors(slct):
    root = make(slct, more={"flavors/other/" + k: v for k, v in chain().items()})
    both = ["--flavor-path", "flavors/demo-all", "--flavor-path", "flavors/other"]
    slct.run("exaslct", "build", *both, cwd=root)
    done = slct.run("exaslct", "build", *both, "--force-rebuild", "--force-rebuild-from", "custom", cwd=root)
    assert done.ran == ["demo-all/custom 1", "demo-all/release 1", "demo-all/release 2", "other/custom 1",
                        "other/release 1", "other/release 2"]


def test_shortcut_build(slct, new_slct, registry):
    """A cached goal needs nothing else; without the short cut every stage is there afterwards."""
    root, repo = make(slct), registry.repo("short")
    ex(slct, root, "push", "--target-docker-repository-name", repo)
    other = new_slct()
    short = ex(other, root, "build", "--source-docker-repository-name", repo)
    assert not short.ran and len(other.run("images", "-q").out.split()) == 2   # base and release
    full = ex(other, root, "build", "--source-docker-repository-name", repo, "--no-shortcut-build")
    assert not full.ran and len(full.out.split()) == 1
    assert len(other.run("images", "-q").out.split()) == 6


def test_files_of_a_build(slct):
    root = make(slct)
    ex(slct, root, "build", "--output-directory", "out/deep", "--log-build-context-content",
       "--task-dependencies-dot-file", "graph.dot", "--log-level", "ERROR")
    logs = root / "out/deep/logs"
    assert (logs / "demo-all-lang.context").read_text().split() == ["Dockerfile", "lang/Dockerfile"]
    assert list(logs.glob("*release*.log"))
    dot = (root / "graph.dot").read_text()
    assert '"demo-all/custom" -> "demo-all/release" [style=solid]' in dot
    assert '"demo-all/build_run" -> "demo-all/release" [style=dashed]' in dot


# --- push, save ---

def test_push(slct, registry, new_slct):
    root, repo = make(slct), registry.repo("push")
    done = ex(slct, root, "push", "--target-docker-repository-name", repo, "--target-docker-tag-prefix", "p")
    (name,) = done.out.split()
    tags = slct.run("tags", repo).out.split()
    assert name.split(":")[-1] in tags
    assert [t for t in tags if t.startswith("p_")] == [name.split(":")[-1]]
    everything = ex(slct, root, "push", "--target-docker-repository-name", repo, "--push-all").out.split()
    assert sorted(n.split(":")[-1].split("_x")[0].split("_a")[0] for n in everything) == [
        "demo-all-build_run", "demo-all-custom", "demo-all-deps", "demo-all-lang", "demo-all-release"]
    assert set(n.split(":")[-1] for n in everything) <= set(slct.run("tags", repo).out.split())
    other = new_slct(base=None)
    pulled = other.run("pull", everything[0])
    assert pulled.id


def test_push_with_a_build_name(slct, registry):
    root, repo = make(slct), registry.repo("named")
    ex(slct, root, "push", "--target-docker-repository-name", repo, "--build-name", "ci7", "--goal", "lang")
    assert f"demo-all-lang_{ARCH}_ci7" in slct.run("tags", repo).out.split()
    slct.run("exaslct", "push-test-container", "--test-container-folder", "flavors/demo-all/flavor_base/deps",
             "--target-docker-repository-name", repo, "--build-name", "ci8", cwd=root)
    assert f"db-test-container_{ARCH}_ci8" in slct.run("tags", repo).out.split()


def test_push_leaves_what_is_there(slct, registry):
    root, repo = make(slct), registry.repo("keep")
    file = root / "flavors/demo-all/flavor_base/deps/Dockerfile"
    file.write_text(file.read_text() + "RUN head -c 16 /dev/urandom >/chance\n")

    def push(*args):
        name = ex(slct, root, "push", "--target-docker-repository-name", repo, "--goal", "deps", *args).out.strip()
        return json.loads(slct.run("inspect", f"docker://{name}").out)["id"]

    first = push()
    assert push("--force-rebuild") == first, "an image that is there is not replaced"
    assert push("--force-rebuild", "--force-push") != first


def test_push_with_login(slct, registry_auth):
    root, repo = make(slct), registry_auth.repo("login")
    login = ["--target-docker-repository-name", repo, "--target-docker-username", registry_auth.user]
    done = ex(slct, root, "push", *login, env={"TARGET_DOCKER_PASSWORD": registry_auth.password})
    assert repo in done.out and registry_auth.password not in done.err
    done = ex(slct, root, "push", *login, "--target-docker-password", "wrong-password", rc=4)
    assert "wrong-password" not in done.err
    done = ex(slct, root, "push", *login, rc=2)
    assert "TARGET_DOCKER_PASSWORD" in done.err


def test_save_and_cache_directory(slct, new_slct):
    root = make(slct)
    saved = slct.work / "saved"
    done = ex(slct, root, "save", "--save-directory", saved, "--save-all")
    assert len(done.out.split()) == 5
    assert json.loads((saved / "oci-layout").read_text())["imageLayoutVersion"] == "1.0.0"
    names = [m["annotations"]["org.opencontainers.image.ref.name"]
             for m in json.loads((saved / "index.json").read_text())["manifests"]]
    assert set(done.out.split()) <= set(n.removeprefix("docker.io/") for n in names)
    other = new_slct()
    used = ex(other, root, "build", "--cache-directory", saved)
    assert not used.ran and used.cached
    only = ex(slct, root, "save", "--save-directory", slct.work / "one", "--goal", "lang")
    assert len(only.out.split()) == 1


# --- export ---

def members(archive):
    with tarfile.open(archive) as tar:
        return {m.name.rstrip("/"): m for m in tar.getmembers()}, tar.getnames()


def test_export(slct):
    root = make(slct)
    done = ex(slct, root, "export", "--export-path", "out/a", "--release-name", "r1")
    archive = root / "out/a/demo-all_release_r1.tar.gz"
    assert "Copied container to out/a/demo-all_release_r1.tar.gz" in done.out
    digest, name = Path(f"{archive}.sha512sum").read_text().split()
    assert name == archive.name and digest == hashlib.sha512(archive.read_bytes()).hexdigest()
    found, order = members(archive)
    assert order[-1] == "exasol-manifest.json"
    assert found["etc/resolv.conf"].linkname == "/conf/resolv.conf" and found["etc/hosts"].linkname == "/conf/hosts"
    for kept in ("opt/app/dev/keep", "opt/app/proc/keep", "srv/etc/hosts", "exaudf/client"):
        assert found[kept].isreg(), kept
    assert not [n for n in found if n.startswith(("var/lib/dpkg", "var/lib/apt"))]
    plain = ex(slct, root, "export", "--export-path", "out/b", "--compression-strategy", "none")
    assert "demo-all_release.tar" in plain.out
    assert members(root / "out/b/demo-all_release.tar")[1] == order


def test_export_gives_the_same_bytes(slct, new_slct):
    root, other = make(slct), new_slct()
    for number, one in enumerate((slct, other)):
        ex(one, root, "export", "--export-path", f"out{number}")
    assert (root / "out0/demo-all_release.tar.gz").read_bytes() == (root / "out1/demo-all_release.tar.gz").read_bytes()


def test_export_to_the_cache_of_the_output_directory(slct):
    root = make(slct)
    done = ex(slct, root, "export")
    (archive,) = (root / ".build_output/cache/exports").glob("*.tar.gz")
    assert f"Cached container under {archive.resolve()}" in done.out
    written = archive.stat().st_mtime_ns
    ex(slct, root, "export")
    assert archive.stat().st_mtime_ns == written, "an archive of the same image is not written again"


def test_export_several_goals_and_cleanup(slct):
    root = make(slct)
    ex(slct, root, "export", "--export-path", "o", "--release-goal", "release", "--release-goal", "custom",
       "--cleanup-docker-images")
    assert sorted(p.name for p in (root / "o").glob("*.gz")) == ["demo-all_custom.tar.gz", "demo-all_release.tar.gz"]
    assert slct.run("images", "-q").out.split() == ["localhost/busybox:1"]
    assert not ex(slct, root, "build").ran, "the cache of steps stays"


# --- clean ---

def test_clean(slct):
    root = make(slct, more={"flavors/demo/" + k: v for k, v in chain().items()})
    repo = ["--target-docker-repository-name", "localhost:5/slc"]
    for flavor in ("demo", "demo-all"):
        ex(slct, root, "build", *repo, flavor=flavor)
        slct.run("build", f"flavors/{flavor}", cwd=root)
    clean = ["--docker-repository-name", "localhost:5/slc"]
    ex(slct, root, "clean-flavor-images", *clean, flavor="demo")
    left = [n for n in slct.run("images", "-q").out.split() if "demo" in n]
    assert len(left) == 2 and all("demo-all-release" in n for n in left), "the other flavor's begin alike and stay"
    ex(slct, root, "clean-all-images", *clean, flavor=None)
    left = [n for n in slct.run("images", "-q").out.split() if "demo" in n]
    assert len(left) == 1 and "slc:" not in left[0], "what slct build has named is not in that repository"
    dry = slct.run("clean", "--dry-run", "flavors/demo-all", cwd=root)
    assert len(dry.out.split()) == 1 and left[0] in slct.run("images", "-q").out
    slct.run("clean", "flavors/demo-all", cwd=root)
    assert slct.run("images", "-q").out.split() == ["localhost/busybox:1"]
    slct.run("clean", cwd=root, rc=2)


# --- test container ---

def test_test_container(slct, registry):
    repo = registry.repo("tc")
    write_tree(slct.work / "test_container", {
        "build/Dockerfile": "FROM localhost/busybox:1\nCOPY deps /deps\nRUN cat /deps/requirements.txt >/seen\n",
        "build/deps/requirements.txt": "pyexasol\n", "tests/test.py": "", "test_data/x": ""})
    built = slct.run("exaslct", "build-test-container", "--target-docker-repository-name", repo)
    assert built.out.startswith(f"{repo}:db-test-container_{ARCH}_")
    named = slct.run("exaslct", "build-test-container", "--target-docker-repository-name", repo, "--build-name", "ci7",
                     "--log-build-context-content", "--output-directory", "o")
    assert named.out == built.out and f"{repo}:db-test-container_{ARCH}_ci7" in slct.run("images", "-q").out.split()
    assert "context/deps/requirements.txt" in (slct.work / "o/logs/test-container.context").read_text().split()
    missing = slct.run("exaslct", "build-test-container", "--test-container-folder", "nothere", rc=2)
    assert "--test-container-folder nothere" in missing.err
    pushed = slct.run("exaslct", "push-test-container", "--target-docker-repository-name", repo, "--force-push", "no")
    assert pushed.out == built.out and not pushed.ran
    assert built.out.strip().split(":")[-1] in slct.run("tags", repo).out


# --- activation ---

EXPECTED = """

In SQL, you can activate the languages supported by the demo-all
flavor by using the following statements:


To activate the flavor only for the current session:

ALTER SESSION SET SCRIPT_LANGUAGES='{0}';


To activate the flavor on the system:

ALTER SYSTEM SET SCRIPT_LANGUAGES='{0}';

"""


@pytest.mark.parametrize("path, inside", [(None, ""), ("p", "p/"), ("p/q/", "p/q/")])
def test_activation(empty, path, inside):
    root = make(empty)
    (root / "flavors/demo-all/flavor_base/language_definition").write_text(
        "PYTHON3=localzmq+protobuf:///{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"
        "?lang=python#buckets/{{bucketfs_name}}/{{bucket_name}}/{{path_in_bucket}}{{release_name}}/exaudf/exaudfclient\n")
    args = ["--bucketfs-name", "bfsdefault", "--bucket-name", "default", "--container-name", "c"]
    done = ex(empty, root, "generate-language-activation", *args, *(["--path-in-bucket", path] if path else []))
    definition = (f"PYTHON3=localzmq+protobuf:///bfsdefault/default/{inside}c?lang=python"
                  f"#buckets/bfsdefault/default/{inside}c/exaudf/exaudfclient")
    assert done.out == EXPECTED.format(definition)
    short = empty.run("activation", "flavors/demo-all", "--container-name", "c",
                      *(["--path-in-bucket", path] if path else []), "--json", cwd=root)
    assert json.loads(short.out)["session"] == f"ALTER SESSION SET SCRIPT_LANGUAGES='{definition}';"


def test_activation_from_definitions(empty):
    files = {"release/Dockerfile": "FROM scratch\n", "language_definitions.json": json.dumps({
        "schema_version": 2, "language_definitions": [
            {"protocol": "localzmq+protobuf", "aliases": ["PY", "PY3"], "parameters": [
                {"key": "lang", "value": "python"}, {"key": "v", "value": "a b&c"}],
             "udf_client_path": {"executable": "/exaudf/client"}, "deprecation": None}]})}
    root = make(empty, files=files)
    done = empty.run("activation", root / "flavors/demo-all", "--container-name", "c", "--json", "--alias", "PY=OTHER",
                     "--add-missing-builtin")
    url = "localzmq+protobuf:///bfsdefault/default/c?lang=python&v=a+b%26c#buckets/bfsdefault/default/c/exaudf/client"
    assert json.loads(done.out)["definition"] == (
        f"OTHER={url} PY3={url} JAVA=builtin_java PYTHON3=builtin_python3 R=builtin_r")
    assert "no alias X" in empty.run("activation", root / "flavors/demo-all", "--container-name", "c", "--alias",
                                     "X=Y", rc=2).err


# --- package diffs ---

PACKAGES = """version: 1.0.0
build_steps:
- name: {step}
  phases:
  - name: p
    apt:
      packages:
      - name: curl
        version: {curl}
      - name: {extra}
        version: "1.10"
    pip:
      packages:
      - name: numpy
        version: 2.0
- name: other
  phases:
  - name: p
    apt:
      packages:
      - name: wget
        version: 1.21
"""


def git(folder, *args):
    subprocess.run([need("git"), "-c", "user.name=t", "-c", "user.email=t@example.com", *args], cwd=folder, check=True,
                   capture_output=True)


def test_package_diffs(empty):
    root = write_tree(empty.work / "repo", {
        "flavors/one-flavor/packages.yml": PACKAGES.format(step="deps", curl="7.1", extra="gone"),
        "flavors/one-flavor/flavor_base/packages.yml": "build_steps: []\n", "flavors/none/x": ""})
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "1.0")
    write_tree(root, {
        "flavors/one-flavor/packages.yml": PACKAGES.format(step="lang", curl="7.2", extra="fresh"),
        "flavors/two/packages.yml": PACKAGES.format(step="deps", curl="7.1", extra="gone"),
        "flavors/two/flavor_base/derived_from": "flavors/one-flavor\n",
        "flavors/lone/packages.yml": PACKAGES.format(step="deps", curl="7.1", extra="gone")})
    before = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True).stdout
    empty.run("exaslct", "generate-package-diffs", "--output-package-diff-directory", "../out",
              "--current-working-copy-name", "2.0", cwd=root)
    assert subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True).stdout == before
    out = empty.work / "out"
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.md")) == sorted(
        ["README.md", *(f"{f}/{k}_packages.md" for f in ("one-flavor", "two__one-flavor", "lone")
                        for k in ("public", "internal"))])
    assert (out / "one-flavor/public_packages.md").read_text() == """\
# Public packages comparison between flavor "One Flavor" in 2.0 and flavor "One Flavor" in 1.0

<!-- markdown-link-check-disable -->

## Apt packages

|    | Package   | Version in 1.0   | Version in 2.0   | Status          | Build-Step   |
|---:|:----------|:-----------------|:-----------------|:----------------|:-------------|
|  0 | curl      | 7.1              | 7.2              | UPDATED & MOVED | deps -> lang |
|  1 | gone      | 1.10             |                  | REMOVED         | deps         |
|  2 | fresh     |                  | 1.10             | NEW             | lang         |
|  3 | wget      | 1.21             | 1.21             |                 | other        |

## Pip packages

|    | Package   | Version in 1.0   | Version in 2.0   | Status   | Build-Step   |
|---:|:----------|:-----------------|:-----------------|:---------|:-------------|
|  0 | numpy     | 2.0              | 2.0              | MOVED    | deps -> lang |"""
    assert "Status" not in (out / "lone/public_packages.md").read_text()
    assert "## Two\n- [Release dependencies](two__one-flavor/public_packages.md)" in (out / "README.md").read_text()


def test_package_diffs_of_two_commits_with_a_submodule(empty):
    module = write_tree(empty.work / "module", {"flavors/sub/packages.yml": PACKAGES.format(step="a", curl="1", extra="x")})
    root = write_tree(empty.work / "repo", {"README": "x"})
    for folder in (module, root):
        git(folder, "init", "-q")
    git(module, "add", "-A")
    git(module, "commit", "-qm", "m")
    (root / "flavors").mkdir()
    (root / "flavors/sub").symlink_to("../module/flavors/sub")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(module), "module")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "v1")
    (root / "module/flavors/sub/packages.yml").write_text(PACKAGES.format(step="a", curl="2", extra="x"))
    git(root / "module", "commit", "-qam", "m2")
    git(root, "commit", "-qam", "two")
    empty.run("package-diffs", "-o", "out", "--from", "v1", "--to", "HEAD", cwd=root)
    text = (root / "out/sub/public_packages.md").read_text()
    assert "|  0 | curl      | 1               | 2                 | UPDATED  | a            |" in text
    assert "no tag" in empty.run("package-diffs", "-o", "out", cwd=module, rc=3).err
    assert "nothere" in empty.run("package-diffs", "-o", "out", "--from", "nothere", cwd=root, rc=3).err
    empty.run("package-diffs", "-o", "out", "--from=--output=x", cwd=root, rc=2)


# --- init, tag --exaslct ---

@pytest.mark.parametrize("layout", [[], ["--exaslct"]])
def test_init(slct, layout):
    done = slct.run("init", "flavor", *layout, "--base", "localhost/busybox:1", "x/flavors/My.new-1", cwd=slct.work)
    flavor = slct.work / done.out.strip()
    assert slct.run("lint", flavor).out == ""
    slct.run("export", flavor, "--export-path", slct.work / "out")
    found, _ = members(slct.work / "out/My.new-1_release.tar.gz")
    assert found["exaudf/hello.sh"].mode == 0o755
    assert ("exaudf/built" in found) == bool(layout), "an example of a rule in flavor.yml"
    slct.run("activation", flavor, "--container-name", "c")
    assert "there already" in slct.run("init", "flavor", flavor, rc=3).err
    slct.run("init", "flavor", "bad name", rc=2)
    slct.run("init", "image", "x", rc=2)


VECTOR = {"base": {"mapping": {"ext": "ext/tools", "one.txt": "ext/one.txt"}, "args": {"B": "2", "A": "1"}},
          "top": {"requires": {"base": "base"}}, "side": {"requires": {"base": "base", "up": "top"}}}


def test_exaslct_hashes(empty):
    files = {"flavor_base/build_steps.py": build_steps(VECTOR), **{
        f"flavor_base/{s}/Dockerfile": f"FROM busybox\nRUN echo {s}\n" for s in VECTOR}}
    root = make(empty, files=files, more={
        "ext/tools/a.sh": ("#!/bin/sh\n", 0o755), "ext/tools/a/b": "b", "ext/tools/a-b": "c", "ext/tools/A": "d",
        "ext/one.txt": "1", "ext/tools/empty": None, "ext/tools/ä/x": "u", "elsewhere/f": "g"})
    (root / "ext/tools/link").symlink_to("a")
    (root / "ext/tools/dirlink").symlink_to("../../elsewhere")
    flavor, hashes = root / "flavors/demo-all", {}
    for stage, spec in VECTOR.items():
        needs = {alias: hashes[r] for alias, r in spec.get("requires", {}).items()}
        hashes[stage] = context_hash(str(flavor), str(root), stage, spec, needs)
    done = empty.run("tag", "--exaslct", flavor, "--target-docker-tag-prefix", "x")
    assert done.out.split() == [f"exasol/script-language-container:x_demo-all-{s}_{ARCH}_{hashes[s]}" for s in VECTOR]


PACKAGES_FILE = """
build_steps:
- name: top
  phases:
  - name: p
    pip: {packages: [{name: numpy, version: "2.0", unknown: x}]}
    variables: {A: "{% if platform == 'x86_64' %}x{% endif %}"}
"""
# Written by EXASLCT's own code from that file.
PACKAGES_WRITTEN = """\
build_steps:
- name: top
  phases:
  - name: p
    pip:
      install_build_tools_ephemerally: false
      packages:
      - extras: []
        name: numpy
        version: '2.0'
    variables:
      A: '{% if platform == ''x86_64'' %}x{% endif %}'
  validation_cfg:
    version_mandatory: true
comment: Automatically generated package file for build step top
version: 1.0.0
"""


def test_exaslct_hashes_with_packages(empty):
    """EXASLCT writes a stage's part of packages.yml anew; its bytes are in the hash."""
    stages = {"base": {}, "top": {"requires": {"base": "base"}, "packages": PACKAGES_WRITTEN},
              "side": {"requires": {"up": "top"}}}
    files = {"flavor_base/build_steps.py": build_steps(stages), "packages.yml": PACKAGES_FILE, **{
        f"flavor_base/{s}/Dockerfile": f"FROM busybox\nRUN echo {s}\n" for s in stages}}
    root = make(empty, files=files)
    flavor, hashes = root / "flavors/demo-all", {}
    for stage, spec in stages.items():
        needs = {alias: hashes[r] for alias, r in spec.get("requires", {}).items()}
        hashes[stage] = context_hash(str(flavor), str(root), stage, spec, needs)
    done = empty.run("tag", "--exaslct", flavor)
    assert [name.rsplit("_", 1)[1] for name in done.out.split()] == list(hashes.values())
    (flavor / "packages.yml").write_text("build_steps: [{name: top, phases: x}]\n")
    refused = empty.run("tag", "--exaslct", "--goal", "side", flavor, rc=3)
    assert "top_packages.yml" in refused.err and "phases is no list" in refused.err


# --- secrets ---

def test_passwords_are_not_in_the_list_of_processes(slct, work):
    """The build runs a step that waits, so that there is time to look. Its words are those of no other run of this test."""
    root = make(slct)
    file = root / "flavors/demo-all/flavor_base/deps/Dockerfile"
    mark = uuid.uuid4().hex
    file.write_text(file.read_text() + f"RUN : {mark}; sleep 60; true\n")
    secrets = [f"correct-horse-{mark[::-1]}", f"battery-staple-{mark[::-1]}"]
    p = slct.popen("exaslct", "build", "--flavor-path", "flavors/demo-all", "--target-docker-username", "u",
                   "--target-docker-password", secrets[0], "--source-docker-repository-name", "localhost:1/x",
                   "--source-docker-username", "u", f"--source-docker-password={secrets[1]}", "-vv", cwd=root)
    try:
        deadline, seen = time.monotonic() + 60, b""
        while mark.encode() not in seen and time.monotonic() < deadline:
            seen = subprocess.run(["ps", "-eo", "args"], capture_output=True).stdout
        assert mark.encode() in seen
        command = Path(f"/proc/{p.pid}/cmdline").read_bytes()
        assert b"--target-docker-password" in command
        assert not [s for s in secrets if s.encode() in command or s.encode() in seen]
    finally:
        p.terminate()
        out, err = p.communicate()
    assert not [s for s in secrets if s.encode() in out + err]


def test_secrets_in_a_steps_output_are_masked(slct):
    root = make(slct)
    file = root / "flavors/demo-all/flavor_base/deps/Dockerfile"
    file.write_text(file.read_text() + "RUN echo the password is correct-horse\n")
    done = ex(slct, root, "build", "--goal", "deps", "--target-docker-username", "u", "--output-directory", "o",
              env={"TARGET_DOCKER_PASSWORD": "correct-horse"})
    assert "the password is ***" in done.err and "is correct-horse" not in done.err.replace("RUN echo", "")
    logs = b"".join(p.read_bytes() for p in (root / "o").rglob("*.log"))
    assert b"the password is ***" in logs and b"correct-horse" not in logs


def test_native_push_of_a_flavor(slct, new_slct, registry_auth):
    root, repo = make(slct), registry_auth.repo("native")
    creds = ["--creds", f"{registry_auth.user}:{registry_auth.password}"]
    done = slct.run("push", *creds, "--push-all", "--target-docker-tag-prefix", "x", "flavors/demo-all", repo, cwd=root)
    assert len(done.out.split()) == 5 and all(n.startswith(f"{repo}:x_demo-all-") for n in done.out.split())
    assert not (root / ".build_output").exists()
    other = new_slct()
    assert not other.run("build", *creds, "--cache-from", repo, "flavors/demo-all", cwd=root).ran
    assert "repository" in slct.run("push", "flavors/demo-all", cwd=root, rc=2).err


def test_export_warns_of_names_that_break_extraction(slct):
    root = make(slct)
    file = root / "flavors/demo-all/flavor_base/custom/Dockerfile"
    file.write_text(file.read_text() + "RUN mkdir /odd && cd /odd && touch good 'ä' \"$(printf 'a\\001b')\" "
                                       "\"$(printf 'c\\377')\" 'd\\e'\n")
    done = ex(slct, root, "export", "--export-path", "o")
    warnings = [line for line in done.err.splitlines() if "may break the extraction" in line]
    assert len(warnings) == 3
    assert any("a control character" in w for w in warnings) and any("not UTF-8" in w for w in warnings)
    assert any("d\\e has a backslash" in w for w in warnings)
    plain = slct.run("export", slct.run("images", "-q").out.split()[0], "-o", slct.work / "x.tar")
    assert "may break" not in plain.err
