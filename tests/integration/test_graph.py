"""Stages of a flavor: what is built, in parallel, with what failures, and the forced rebuilds."""
import re
import signal
import socket
import threading
import time


B = "FROM localhost/busybox:1\n"

CHAIN = {
    "base": B + "RUN echo base > /base\n",
    "left": "FROM {{ base }}\nRUN echo left > /left\n",
    "right": "FROM {{base}}\nRUN echo right > /right\n",
    "release": "FROM {{ left }}\nCOPY --from={{ right }} /right /right\nRUN cat /base /left /right > /all\n",
    "other": B + "RUN echo other > /other\n",
}


def stages(steps):
    return {step.split()[0].split("/")[-1] for step in steps}


def test_default_goal_is_release_with_what_it_needs(slct):
    done = slct.run("build", slct.flavor(CHAIN))
    assert stages(done.ran) == {"base", "left", "right", "release"}
    assert len(done.ids) == 1
    assert slct.image("flavor-release").text("all") == "base\nleft\nright\n"
    assert slct.run("images", "-q").out.split() == ["flavor-release:latest", "localhost/busybox:1"]


def test_goals_print_one_id_each(slct):
    flavor = slct.flavor(CHAIN)
    done = slct.run("build", "--goal", "left", "--goal", "other", flavor)
    assert stages(done.ran) == {"base", "left", "other"}
    assert len(done.ids) == 2 and all(re.fullmatch("sha256:[0-9a-f]{64}", i) for i in done.ids)
    names = slct.run("images", "-q").out.split()
    assert "flavor-left:latest" in names and "flavor-other:latest" in names


def test_goal_with_its_flavor_and_several_flavors(slct):
    one, two = slct.flavor(CHAIN, "one"), slct.flavor({"release": B + "RUN echo 2 > /2\n"}, "two")
    done = slct.run("build", "--goal", f"{one}:other", "--goal", f"{two}:release", one, two)
    assert stages(done.ran) == {"other", "release"} and len(done.ids) == 2
    assert slct.image("two-release").text("2") == "2\n"


def test_equal_stages_of_two_flavors_run_once(slct):
    text = {"release": B + "RUN echo same > /same\n"}
    done = slct.run("build", "-j4", slct.flavor(text, "one"), slct.flavor(text, "two"))
    assert len(set(done.ids)) == 1
    assert len(done.ran) == 1, done


def test_unknown_goal_lists_the_known(slct):
    done = slct.run("build", "--goal", "nosuch", slct.flavor(CHAIN), rc=3)
    assert "nosuch" in done.err and all(name in done.err for name in CHAIN)


class Barrier:
    """Answers on loopback only when `parties` steps wait for it: they must run at the same time."""

    def __init__(self, parties):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.parties, self.most = self.server.getsockname()[1], parties, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        waiting = []
        while True:
            waiting.append(self.server.accept()[0])
            self.most = max(self.most, len(waiting))
            if len(waiting) == self.parties:
                for one in waiting:
                    one.sendall(b"go\n")
                    one.close()
                waiting = []


def count_at_a_time(slct, jobs):
    """The most steps of four that were connected at a time."""
    server, now, most = socket.create_server(("127.0.0.1", 0)), 0, 0
    lock = threading.Lock()

    def one(connection):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        connection.recv(1)  # until the step ends
        with lock:
            now -= 1
        connection.close()

    def serve():
        while True:
            threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    port = server.getsockname()[1]
    flavor = slct.flavor({n: B + f"RUN (sleep 0.3; echo {n} > /{n}) | nc 127.0.0.1 {port}\n" for n in "abcd"})
    slct.run("build", f"-j{jobs}", *(x for n in "abcd" for x in ("--goal", n)), flavor, timeout=30)
    return most


def test_independent_stages_run_at_the_same_time(slct):
    barrier = Barrier(3)
    step = f"RUN nc -w 20 127.0.0.1 {barrier.port} < /dev/null | grep go > /%s\n"
    flavor = slct.flavor({**{n: B + step % n for n in "abc"}, "release":
                          B + "".join(f"COPY --from={{{{{n}}}}} /{n} /{n}\n" for n in "abc")})
    done = slct.run("build", "-j3", flavor, timeout=60)
    assert stages(done.ran) == {"a", "b", "c", "release"}


def test_jobs_limits_the_steps_at_a_time(slct):
    assert count_at_a_time(slct, 2) == 2


def test_one_job(slct):
    assert count_at_a_time(slct, 1) == 1


def test_force_rebuild_of_goals(slct):
    flavor = slct.flavor(CHAIN)
    slct.run("build", flavor)
    done = slct.run("build", "--force-rebuild", flavor)
    assert "release" in stages(done.ran) and "other" not in stages(done.ran)


def test_force_rebuild_from_reaches_all_that_depend_on_it_and_nothing_else(slct):
    flavor = slct.flavor({
        "base": B + "RUN cat /proc/sys/kernel/random/uuid > /base\n",
        "left": "FROM {{base}}\nRUN cat /proc/sys/kernel/random/uuid > /left\n",
        "right": "FROM {{base}}\nRUN cat /proc/sys/kernel/random/uuid > /right\n",
        "release": "FROM {{left}}\nCOPY --from={{right}} /right /right\nRUN cat /left /right > /all\n",
    })
    slct.run("build", flavor)
    before = slct.image("flavor-release")
    done = slct.run("build", "--force-rebuild", "--force-rebuild-from", "right", flavor)
    assert stages(done.ran) == {"right", "release"}, done
    after = slct.image("flavor-release")
    assert after.text("base") == before.text("base") and after.text("left") == before.text("left")
    assert after.text("right") != before.text("right") and after.text("right") in after.text("all")
    done = slct.run("build", "--force-rebuild", "--force-rebuild-from", "base", flavor)
    assert stages(done.ran) == {"base", "left", "right", "release"}
    again = slct.run("build", flavor)
    assert again.ran == [], "the rebuilt results are what later builds take"
    assert again.ids == done.ids


def test_a_failure_stops_what_depends_on_it_and_the_others_end(slct):
    flavor = slct.flavor({
        "bad": B + "RUN true\nRUN seq 1 100 && echo to-stderr >&2 \\\n  && exit 7\n",
        "good": B + "RUN sleep 1; echo good > /good\nRUN echo more > /more\n",
        "after": "FROM {{bad}}\nRUN echo never > /never\n",
        "release": B + "COPY --from={{after}} /never /n\nCOPY --from={{good}} /good /g\n",
    })
    done = slct.run("build", "-j4", flavor, rc=1)
    assert stages(done.failed) == {"bad"} and "good" in stages(done.ran)
    assert {"flavor/good 1", "flavor/good 2"} <= set(done.ran), "what has begun goes on to its end"
    assert not {"after", "release"} & stages(done.ran)
    assert done.out == ""
    (error,) = done.errors
    assert f"{flavor}/bad/Dockerfile:3" in error and "RUN seq 1 100" in error and "7" in error
    tail = done.err.split("slct: error:")[1]
    assert "100" in tail and "to-stderr" in tail and "\n50\n" not in tail.replace(" ", ""), "the last 20 lines"
    log = re.search(r"(/\S*/logs/\S+)", tail)
    assert log, "the path of the log"
    text = open(log[1].rstrip(".,)"), encoding="utf-8").read()
    assert all(f"\n{n}\n" in "\n" + text for n in range(1, 101)) and "to-stderr" in text
    again = slct.run("build", "-j4", flavor, rc=1)
    assert again.ran == [] and stages(again.failed) == {"bad"}, "the finished steps are kept"
    slct.fsck()


def test_output_directory_gets_the_logs(slct):
    folder = slct.work / "logs"
    slct.build(B + "RUN echo kept in the log\n", "--output-directory", folder)
    logs = [p for p in folder.rglob("*") if p.is_file()]
    assert any("kept in the log" in p.read_text() for p in logs), logs


def test_keep_going(slct):
    flavor = slct.flavor({
        "bad": B + "RUN exit 1\n",
        "slow": B + "RUN sleep 1; echo 1 > /1\n",
        "later": "FROM {{slow}}\nRUN echo 2 > /2\n",
    })
    goals = ["--goal", "bad", "--goal", "later"]
    done = slct.run("build", "-j2", "--keep-going", *goals, flavor, rc=1)
    assert stages(done.ran) == {"slow", "later"} and stages(done.failed) == {"bad"}


def test_exit_status_of_a_step_is_1_whatever_its_code(slct):
    for code in (1, 2, 3, 5, 75, 127, 255):
        done = slct.build(B + f"RUN exit {code}\n", rc=1)
        assert str(code) in done.errors[0]


def test_step_killed_by_a_signal(slct):
    done = slct.build(B + "RUN kill -9 $$\n", rc=1)
    assert "SIGKILL" in done.err or "signal 9" in done.err or "137" in done.err


def test_step_timeout(slct):
    began = time.monotonic()
    done = slct.build(B + "RUN sleep 100\n", "--step-timeout", "1s", rc=1)
    assert time.monotonic() - began < 30 and "time" in done.errors[0]


def test_single_dockerfile_stage_as_goal_of_a_flavor(slct):
    flavor = slct.flavor({"release": B.replace("\n", " AS inner\n") + "RUN echo i > /i\nFROM inner\nRUN echo o > /o\n"})
    done = slct.run("build", "--goal", "release:inner", flavor)
    image = slct.run("images", "-q").out
    assert len(done.ran) == 1 and "inner" in image


def test_exaslct_flavor_layout(slct):
    """build_steps.py, mapped directories, packages files and language definitions in the stage's context."""
    root = slct.work / "repo"
    steps = '''
        from exasol_script_languages_container_tool.lib.tasks.build.docker_flavor_image_task import \\
            DockerFlavorAnalyzeImageTask

        class AnalyzeDeps(DockerFlavorAnalyzeImageTask):
            def get_build_step(self) -> str:
                return "deps"
            def get_additional_build_directories_mapping(self):
                return {"01_ext": "ext/scripts"}
            def get_path_in_flavor(self):
                return "flavor_base"

        class AnalyzeCustom(DockerFlavorAnalyzeImageTask):
            def get_build_step(self) -> str:
                return "flavor_customization"
            def requires_tasks(self):
                return {"deps": AnalyzeDeps}

        class AnalyzeRelease(DockerFlavorAnalyzeImageTask):
            def get_build_step(self) -> str:
                return "release"
            def requires_tasks(self):
                return {"flavor_customization": AnalyzeCustom, "deps": AnalyzeDeps}
            def get_path_in_flavor(self):
                return "flavor_base"
        '''
    packages = '''\
        version: 0.5.0
        comment: c
        build_steps:
          - name: deps
            phases:
              - name: p
                apt:
                  packages:
                    - name: x
                      version: "3.10"
          - name: flavor_customization
            phases: []
        '''
    from lab import write_tree
    write_tree(root, {
        "ext/scripts/say.sh": "echo said\n",
        "flavors/demo/FLAVOR_DESCRIPTION.md": "demo\n",
        "flavors/demo/packages.yml": packages,
        "flavors/demo/flavor_customization/Dockerfile": "FROM {{ deps }}\nCOPY flavor_customization/f /f\nRUN true\n",
        "flavors/demo/flavor_customization/f": "custom\n",
        "flavors/demo/flavor_base/build_steps.py": steps,
        "flavors/demo/flavor_base/deps/Dockerfile":
            B + "COPY 01_ext /scripts\nCOPY deps_packages.yml /p.yml\nRUN sh /scripts/say.sh > /said\n",
        "flavors/demo/flavor_base/release/Dockerfile": "FROM {{flavor_customization}}\nCOPY --from={{deps}} /said "
                                                       "/again\n",
    })
    slct.give(root)
    done = slct.run("build", root / "flavors/demo")
    assert stages(done.ran) == {"deps", "flavor_customization", "release"}
    image = slct.image("demo-release")
    assert image.text("said") == image.text("again") == "said\n" and image.text("f") == "custom\n"
    cut = image.text("p.yml")
    assert "deps" in cut and "flavor_customization" not in cut and '"3.10"' in cut or "'3.10'" in cut
    (root / "ext/scripts/say.sh").write_text("echo other\n")
    assert stages(slct.run("build", root / "flavors/demo").ran) >= {"deps", "release"}


def test_sigint_ends_with_130_and_keeps_finished_steps(slct):
    folder = slct.context({"Dockerfile": B + "RUN echo 1 > /1\nRUN echo waiting && sleep 60\n"})
    process = slct.popen("build", "-t", "x:1", folder)
    for line in iter(process.stderr.readline, b""):
        if b"waiting" in line and b"RUN" not in line:
            break
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and out == b""
    assert time.monotonic() - began < 15
    slct.fsck()
    (folder / "Dockerfile").write_text(B + "RUN echo 1 > /1\nRUN echo 2 > /2\n")
    assert len(slct.run("build", "-t", "x:1", folder).ran) == 1


def test_sigterm_ends_with_143(slct):
    folder = slct.context({"Dockerfile": B + "RUN echo waiting && sleep 60\n"})
    process = slct.popen("build", folder)
    for line in iter(process.stderr.readline, b""):
        if b"waiting" in line and b"RUN" not in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
