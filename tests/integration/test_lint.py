"""slct lint, and the same findings as warnings of build and plan."""
import json
import re

from lab import write_tree

BUSYBOX = "FROM localhost/busybox:1\n"


def found(result):
    """Rule:line of each finding, in their order."""
    return [f"{f['rule']}:{f['line']}" for f in json.loads(result.out)["findings"]]


def lint(slct, dockerfile, *args, files=None, rc=0):
    folder = slct.context({"Dockerfile": dockerfile, **(files or {})})
    return found(slct.run("lint", "--json", *args, folder, rc=rc))


def warnings(result):
    return re.findall(r"^slct: warning: .*Dockerfile:(\d+): ([A-Za-z]+): .", result.err, re.M)


def test_text_has_place_rule_and_excerpt(empty):
    folder = empty.context({"Dockerfile": "FROM scratch AS Big\nENV a b\n"})
    result = empty.run("lint", "Dockerfile", cwd=folder)
    lines = result.out.splitlines()
    assert len(lines) == 4 and result.err == ""
    assert lines[0].startswith("Dockerfile:1: warning: StageNameCasing: ") and "Big" in lines[0]
    assert lines[1].split("|")[1].strip() == "FROM scratch AS Big" and lines[1].split("|")[0].strip() == "1"
    assert lines[2].startswith("Dockerfile:2: warning: LegacyKeyValueFormat: ")
    assert not empty.store.exists(), "a look at files makes no store"


def test_json(empty):
    folder = empty.context({"Dockerfile": "FROM scratch\nCMD a\n"})
    result = json.loads(empty.run("lint", "--json", folder).out)
    (one,) = result["findings"]
    assert result["version"] == 1 and result["error"] is False
    assert one["rule"] == "JSONArgsRecommended" and one["severity"] == "warning" and one["line"] == 2
    assert one["file"].endswith("/Dockerfile") \
        and one["excerpt"] == "CMD a" and one["message"] and one["certain"] is True


def test_nothing_found(empty):
    folder = empty.context({"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"})
    assert empty.run("lint", folder).out == ""
    assert json.loads(empty.run("lint", "--json", folder).out)["findings"] == []


def test_check_directive(empty):
    text = "FROM scratch as a\nCMD a\n"
    assert lint(empty, text) == ["FromAsCasing:1", "JSONArgsRecommended:2"]
    assert lint(empty, "# check=skip=FromAsCasing\n" + text) == ["JSONArgsRecommended:3"]
    assert lint(empty, "# check=skip=all;error=true\n" + text) == []
    assert lint(empty, "# check=error=true\n" + text, rc=3) == ["FromAsCasing:2", "JSONArgsRecommended:3"]
    assert lint(empty, "# check=error=true\n" + text, "--check", "skip=all") == []
    assert lint(empty, text, "--check", "skip=FromAsCasing;error=true", rc=3) == ["JSONArgsRecommended:2"]
    assert lint(empty, "FROM scratch as a\n# check=skip=all\nCMD a\n") == ["FromAsCasing:1"]
    folder = empty.context({"Dockerfile": "# check=nothing=1\n" + text})
    assert "Dockerfile:1" in empty.run("lint", folder, rc=3).err


def test_ignore_files(empty):
    text = "FROM scratch\nCOPY secret open /\nCOPY . /\n"
    assert lint(empty, text, files={".dockerignore": "secret\n"}) == ["CopyIgnoredFile:2"]
    assert lint(empty, text, files={".dockerignore": "*\n"}) == ["CopyIgnoredFile:2", "CopyIgnoredFile:2",
                                                                 "CopyIgnoredFile:3"]
    files = {".dockerignore": "secret\n", "Dockerfile.dockerignore": "open\n"}
    assert lint(empty, text, files=files) == ["CopyIgnoredFile:2"]
    assert lint(empty, text) == []


def test_base_images(slct):
    """Of an image in the store the environment is known; of others a finding says that it is not certain."""
    assert lint(slct, "# check=error=true\n" + BUSYBOX + "COPY $nothing /\n", rc=3) == ["UndefinedVar:3"]
    assert lint(slct, BUSYBOX + "ENV PATH=/x:$PATH\n") == []
    slct.build(BUSYBOX + "ENV MINE=1\nSHELL [\"/bin/sh\", \"-ec\"]\n", tag="localhost/mine:1")
    assert lint(slct, "FROM localhost/mine:1\nLABEL a=$MINE\nCMD x\n") == []
    folder = slct.context({"Dockerfile": "# check=error=true\nFROM example.org/other:1\nLABEL a=$MINE\n"})
    (one,) = json.loads(slct.run("lint", "--json", folder).out)["findings"]
    assert one["rule"] == "UndefinedVar" and one["certain"] is False


def test_build_arguments(empty):
    text = "ARG BASE\nFROM $BASE\n"
    assert lint(empty, text) == ["InvalidDefaultArgInFrom:2"]
    assert lint(empty, "FROM scratch\nARG V\nCOPY ${V:?needed} /\n", "--build-arg", "V=1") == []
    folder = empty.context({"Dockerfile": "FROM scratch as a\nARG V\nCOPY ${V:?needed} /\n"})
    failed = empty.run("lint", folder, rc=3)
    assert "FromAsCasing" in failed.out and "needed" in failed.err and "Dockerfile:3" in failed.err


def test_experimental_rules_on_request(empty):
    text = "# a remark\nFROM scratch AS base\n"
    assert lint(empty, text) == []
    assert lint(empty, text, "--experimental") == ["InvalidDefinitionDescription:2"]
    assert lint(empty, "# check=experimental=all\n" + text) == ["InvalidDefinitionDescription:3"]


def test_flavor(empty):
    flavor = empty.flavor({"base": "FROM scratch\nCMD a\n", "release": "FROM {{base}} as x\n"
                                                                       "COPY --from={{base}} /a /b\nENV a b\n"})
    result = empty.run("lint", flavor)
    assert "slct.invalid" not in result.out and "FROM {{base}} as x" in result.out
    assert found(empty.run("lint", "--json", flavor)) == ["JSONArgsRecommended:2", "FromAsCasing:1",
                                                          "LegacyKeyValueFormat:3"]


def test_several_operands_and_bad_ones(empty):
    one, two = (empty.context({"Dockerfile": "FROM scratch\nCMD a\n"}) for _ in range(2))
    assert len(found(empty.run("lint", "--json", one, two / "Dockerfile"))) == 2
    bad = empty.context({"Dockerfile": "FROM scratch\nNOTHING\n"})
    result = empty.run("lint", one, bad, rc=3)
    assert "JSONArgsRecommended" in result.out and "Dockerfile:2:1" in result.err and "NOTHING" in result.err
    empty.run("lint", rc=2)
    empty.run("lint", one / "no such file", rc=3)


def test_rules_are_listed(empty):
    names = [rule["name"] for rule in json.loads(empty.run("lint", "--rules", "--json").out)["rules"]]
    assert len(names) == len(set(names)) == 21 and {"UndefinedVar", "CopyIgnoredFile"} <= set(names)
    assert all(name in empty.run("lint", "--rules").out for name in names)


def test_build_warns_once_each(slct):
    """Of what instructions do, in the stages that are needed; of how the file looks, in all."""
    slct.build(BUSYBOX + "ENV A=1\n", tag="localhost/base:1")
    text = "FROM localhost/base:1 AS b\nLABEL a=$PAHT\nFROM b\nCMD x\nFROM scratch AS Unused\nENV old form\n"
    folder = slct.context({"Dockerfile": text})
    result = slct.run("build", "--target", "1", folder)
    assert warnings(result) == [("2", "UndefinedVar"), ("4", "JSONArgsRecommended"), ("5", "StageNameCasing")]
    assert "unless" not in result.err, "the base image is known"
    assert warnings(slct.run("build", "--target", "1", folder)) == warnings(result), "also if all comes from the cache"
    assert {rule for _, rule in warnings(slct.run("plan", folder))} >= {"UndefinedVar", "LegacyKeyValueFormat"}


def test_triggers_of_base_images_are_not_linted(slct):
    slct.build(BUSYBOX + "ONBUILD ENV old form\nONBUILD LABEL a=$nothing\n", tag="localhost/base:1")
    assert warnings(slct.build("FROM localhost/base:1\nLABEL b=c\n")) == []


def test_error_true_stops_the_build(slct):
    result = slct.build("# check=error=true\n" + BUSYBOX + "RUN touch /ran\nCMD a\n", rc=3)
    assert warnings(result) == [("4", "JSONArgsRecommended")] and result.ran == []
    (line,) = result.errors
    assert "Dockerfile:4" in line and "JSONArgsRecommended" in line
    slct.build("# check=error=true\n" + BUSYBOX + "CMD a\n", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all")
    fine = slct.build(BUSYBOX + "CMD [\"a\"]\n", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true")
    assert "warning" not in fine.err


def test_ignored_file_is_warned_of_before_the_error(slct):
    folder = write_tree(slct.work / "ignored", {"Dockerfile": BUSYBOX + "COPY a /\n", "a": "", ".dockerignore": "a\n"})
    result = slct.run("build", folder, rc=3)
    assert warnings(result) == [("2", "CopyIgnoredFile")] and len(result.errors) == 1


def test_standard_input(empty):
    result = empty.run("lint", "-", input=b"FROM scratch AS Big\n")
    assert result.out.startswith("-:1: warning: StageNameCasing: ")
    assert empty.run("lint", "-", input=b"FRM scratch\n", rc=3).err.count("-:1:1") == 1
