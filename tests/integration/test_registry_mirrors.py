"""registries.conf: mirrors with fallback to the registry, other locations, blocked registries; whose login goes
where."""
import json
import urllib.request

import pytest

from certs import Authority
from faultproxy import FaultProxy, Tunnel, corrupt, reset, status

BLOB, MANIFEST = "/blobs/sha256", "/manifests/"
PASSWORD = "s3cret-for-faults"


@pytest.fixture
def image(slct, registry):
    """An image under one path of the registry: (its id, the path)."""
    made = slct.build("FROM localhost/busybox:1\nCOPY f /f\n", files={"f": "x" * 100000}, tag="localhost/demo:1").id
    path = registry.repo("m").split("/")[1]
    slct.run("push", "localhost/demo:1", f"{registry.host}/{path}:1")
    return made, path


@pytest.fixture
def configured(new_slct):
    """configured(text) -> slct with an empty store and this registries.conf."""
    def make(text, name="registries.conf"):
        slct = new_slct(base=None)
        folder = slct.work / "home/.config/containers"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        return slct
    return make


@pytest.fixture
def pair(registry):
    """The registry behind one proxy, and a mirror of it behind another."""
    with FaultProxy(registry.port) as origin, FaultProxy(registry.port) as mirror:
        yield origin, mirror


def mirrored(origin, mirror, path="", more=""):
    return (f'[[registry]]\nlocation = "{origin.host}{path}"\n[[registry.mirror]]\nlocation = "{mirror.host}{path}"\n'
            f'{more}')


def test_the_mirror_answers(image, pair, configured):
    made, path = image
    origin, mirror = pair
    slct = configured(mirrored(origin, mirror))
    assert slct.run("pull", f"{origin.host}/{path}:1").out.split()[-1] == made
    assert origin.seen == [] and mirror.count("GET", BLOB) == 3
    assert slct.run("images", "-q").out    # under the name that was asked for
    assert slct.run("inspect", f"{origin.host}/{path}:1").out


FAULTS = {
    "does not have it": ("", "/v2/", status(404)),
    "wants a login": ("", "/v2/", status(401)),
    "fails": ("", "/v2/", status(403)),
    "lacks the blobs": ("GET", BLOB, status(404)),
    "has wrong blobs": ("GET", BLOB, corrupt()),
    "has a wrong manifest": ("GET", MANIFEST, corrupt()),
    "cuts": ("GET", BLOB, reset()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_registry_itself_is_the_way_out(image, pair, configured, name):
    made, path = image
    origin, mirror = pair
    mirror.on(*FAULTS[name])
    slct = configured(mirrored(origin, mirror))
    assert slct.run("pull", f"{origin.host}/{path}:1").out.split()[-1] == made
    assert mirror.faults and origin.seen
    slct.fsck()


def test_a_mirror_that_is_down(image, registry, configured):
    made, path = image
    with FaultProxy(registry.port) as origin:
        slct = configured(f'[[registry]]\nlocation = "{origin.host}"\n[[registry.mirror]]\nlocation = "localhost:1"\n')
        assert slct.run("pull", f"{origin.host}/{path}:1").out.split()[-1] == made


def test_the_error_is_that_of_the_registry(image, pair, configured):
    origin, mirror = pair
    mirror.on("", "/v2/", status(404))
    got = configured(mirrored(origin, mirror)).run("pull", f"{origin.host}/none:1", rc=4)
    assert len(got.errors) == 1 and f"{origin.host}/v2/none" in got.err, got


def test_no_login_for_a_mirror(image, registry, configured, work):
    """The registry's login is none of the mirror's business; its own is."""
    made, path = image
    with FaultProxy(registry.port, auth="basic") as origin, FaultProxy(registry.port, auth="basic") as mirror:
        config = work / "docker"
        config.mkdir()
        right = {"username": origin.user, "password": PASSWORD}
        (config / "config.json").write_text(json.dumps({"auths": {origin.host: right}}))
        env = {"DOCKER_CONFIG": str(config)}
        slct = configured(mirrored(origin, mirror))
        assert slct.run("pull", f"{origin.host}/{path}:1", env=env).out.split()[-1] == made
        assert mirror.seen and mirror.logins == [] and origin.logins
        (config / "config.json").write_text(json.dumps({"auths": {mirror.host: right}}))
        slct = configured(mirrored(origin, mirror))
        origin.seen.clear()
        assert slct.run("pull", f"{origin.host}/{path}:1", env=env).out.split()[-1] == made
        assert origin.seen == [] and mirror.logins


def test_location_and_prefix(image, registry, configured):
    """Names of a host that does not exist, moved to where the images are."""
    made, path = image
    slct = configured(f'[[registry]]\nprefix = "old.example.test/team"\nlocation = "{registry.host}"\n')
    assert slct.run("pull", f"old.example.test/team/{path}:1").out.split()[-1] == made
    assert slct.run("tags", f"old.example.test/team/{path}").out == "1\n"
    got = slct.build(f"FROM old.example.test/team/{path}:1\nRUN test -e /f\n")
    assert got.id


def test_docker_hub_through_a_mirror(image, registry, configured, slct):
    """Short names are Docker Hub's, and go where its mirror is."""
    made, _ = image
    slct.run("push", "localhost/demo:1", f"{registry.host}/hub/library/demo-of-the-tests:1")
    one = configured('unqualified-search-registries = ["quay.example.test"]\n[[registry]]\nprefix = "docker.io"\n'
                     f'location = "nowhere.example.test"\n[[registry.mirror]]\nlocation = "{registry.host}/hub"\n')
    assert one.run("pull", "demo-of-the-tests:1").out.split()[-1] == made


def test_blocked(image, registry, configured, slct):
    _, path = image
    one = configured(f'[[registry]]\nlocation = "{registry.host}/{path}"\nblocked = true\n',
                     "registries.conf.d/50-block.conf")
    mark = registry.mark()
    for command in (["pull", f"{registry.host}/{path}:1"], ["tags", f"{registry.host}/{path}"]):
        got = one.run(*command, rc=4)
        assert "blocked" in got.err and "50-block.conf" in got.err, got
    one.run("pull", f"{registry.host}/{path}x:1", rc=4)
    assert len(registry.requests(mark)) == 1    # of the other repository


def test_insecure_mirror(image, registry, configured, work):
    """A certificate of nobody's: refused, unless the mirror is marked insecure. (By a name that is not loopback.)"""
    made, path = image
    with FaultProxy(registry.port,
                    tls=Authority(work / "authority").context()) as proxy, Tunnel(proxy.port) as tunnel, \
            FaultProxy(registry.port) as origin:
        text = f'[[registry]]\nlocation = "{origin.host}"\n[[registry.mirror]]\nlocation = "registry.example.test"\n'
        for insecure in (False, True):
            origin.seen.clear()
            slct = configured(text + f"insecure = {str(insecure).lower()}\n")
            slct.run("pull", f"{origin.host}/{path}:1", env={"https_proxy": tunnel.url})
            assert (origin.seen == []) == insecure


def test_a_broken_file_is_named(configured):
    got = configured('[[registry]]\nlocation = "https://x.example.test"\n').run("pull", "x.example.test/a:1", rc=3)
    assert "registries.conf" in got.err and "scheme" in got.err, got
    got = configured("[[registry\n").run("pull", "x.example.test/a:1", rc=3)
    assert "registries.conf:1" in got.err, got


def test_file_by_environment(image, registry, configured, work):
    made, path = image
    (work / "own.conf").write_text(f'[[registry]]\nprefix = "old.example.test"\nlocation = "{registry.host}"\n')
    slct = configured("[[registry]]\nprefix = 'old.example.test'\nblocked = true\n")
    got = slct.run("pull", f"old.example.test/{path}:1", env={"CONTAINERS_REGISTRIES_CONF": str(work / "own.conf")})
    assert got.out.split()[-1] == made


def test_push_goes_where_its_name_says(image, pair, configured, slct):
    origin, mirror = pair
    _, path = image
    one = configured(mirrored(origin, mirror))
    one.run("pull", f"{origin.host}/{path}:1", "copy:1")
    one.run("push", "copy:1", f"{origin.host}/{path}:2")
    assert not mirror.count("PUT") and origin.count("PUT") == 1
    assert json.load(urllib.request.urlopen(f"http://{origin.host}/v2/{path}/tags/list"))["tags"]
