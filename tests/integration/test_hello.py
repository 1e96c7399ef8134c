"""The example flavor on busybox, as root and as an ordinary user."""
import re
import shutil

from lab import REPO


def hello(one):
    folder = one.work / "hello"
    shutil.copytree(REPO / "flavors/hello", folder)
    one.give(folder)
    return folder


def test_hello_builds_and_is_cached(any_slct):
    folder = hello(any_slct)
    first = any_slct.run("build", folder)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", first.out), first
    assert len(first.ran) == 6 and not first.cached, first
    second = any_slct.run("build", folder)
    assert second.out == first.out
    assert second.ran == [], second
    image = any_slct.image("hello-check")
    assert image.text("usr/share/greeting/text") == "Hello, world!\n"
    assert image["usr/bin/hello"].mode == 0o755
    assert image.text("tmp/said.txt") == image.text("tmp/expected.txt")
    assert image.config["config"]["Cmd"] == ["/usr/bin/hello"]
    any_slct.fsck()


def test_hello_goal_and_argument(slct):
    folder = hello(slct)
    built = slct.run("build", "--goal", "greeting", "--build-arg", "NAME=moon", folder)
    assert {step.split()[0] for step in built.ran} == {"hello/greeting"}
    assert slct.image("hello-greeting").text("greeting/text") == "Hello, moon!\n"


def test_registry_fixtures(registry, registry_auth):
    import base64
    import urllib.error
    import urllib.request
    assert urllib.request.urlopen(f"http://{registry.host}/v2/").status == 200
    try:
        urllib.request.urlopen(f"http://{registry_auth.host}/v2/")
        raise AssertionError("a registry with a password let everybody in")
    except urllib.error.HTTPError as e:
        assert e.code == 401
    token = base64.b64encode(f"{registry_auth.user}:{registry_auth.password}".encode()).decode()
    request = urllib.request.Request(f"http://{registry_auth.host}/v2/", headers={"Authorization": "Basic " + token})
    assert urllib.request.urlopen(request).status == 200
