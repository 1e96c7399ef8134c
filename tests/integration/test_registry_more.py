"""Tags, referrers and removal in a registry; HTTP/2, proxies and IPv6 on the way there."""
import json
import os
import re
import socket

import pytest

from certs import Authority
from faultproxy import FaultProxy, Trap, Tunnel, fields, status
from lab import Registry, lack

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def proxy(registry):
    with FaultProxy(registry.port) as one:
        yield one


@pytest.fixture
def pushed(slct, registry):
    """An image under two tags: (path, digest of its manifest)."""
    path = registry.repo("more").split("/")[1]
    digest = slct.run("push", "localhost/busybox:1", f"{registry.host}/{path}:1").out.split()[-1]
    slct.run("push", "localhost/busybox:1", f"{registry.host}/{path}:2")
    return path, digest


# --- lists of tags

def page(*tags):
    return json.dumps({"name": "x", "tags": list(tags)})


def test_pages_of_tags(slct, proxy, registry, pushed):
    """What the next page's address says of hosts and paths does not count."""
    path, _ = pushed
    with Trap() as trap:
        proxy.on("GET", "/tags/list.*last=b", status(200, page("c"), Content_Type="application/json"))
        proxy.on("GET", "/tags/list", status(200, page("a", "b"), Content_Type="application/json",
                                             Link=f'<{trap.url}/v2/other/tags/list?n=2&last=b>; rel="next"'))
        assert slct.run("tags", f"{proxy.host}/{path}").out.split() == ["a", "b", "c"]
        assert trap.seen == [] and len(proxy.seen) == 2 and all(s.path.startswith(f"/v2/{path}/tags")
                                                                for s in proxy.seen)


def test_thousands_of_tags(slct, proxy, pushed):
    """More than one page holds, in the registry's order; a cache repository of that size, too, loses none."""
    path, _ = pushed
    tags = [f"t{n:05}" for n in range(3500)]
    for first in range(3000, -1, -1000):
        more = {"Link": f'</v2/{path}/tags/list?n=1000&last={tags[first + 999]}>; rel="next"'} if first < 3000 else {}
        proxy.on("GET", f"/tags/list.*last={tags[first - 1]}" if first else "/tags/list",
                 status(200, page(*tags[first:first + 1000]), Content_Type="application/json", **more))
    assert slct.run("tags", f"{proxy.host}/{path}").out.split() == tags
    assert len(proxy.seen) == 4
    assert json.loads(slct.run("--json", "tags", f"{proxy.host}/{path}").out)["tags"] == tags


@pytest.mark.parametrize("link", ["<file:///etc/passwd>; rel=next", "<", "<>; rel=\"next\"", "; rel=next",
                                  "<?x" + "A" * 9000 + ">; rel=next"])
def test_senseless_links(slct, proxy, pushed, link):
    proxy.on("GET", "/tags/list", fields(Link=link), first=1)
    got = slct.run("tags", f"{proxy.host}/{pushed[0]}", rc=None, timeout=60)
    assert got.rc in (0, 4) and (got.rc or set(got.out.split()) == {"1", "2"}), got


@pytest.mark.slow
def test_a_list_without_end(slct, proxy, pushed):
    proxy.on("GET", "/tags/list",
             status(200, page("a"), Content_Type="application/json", Link='<?n=1&last=a>; rel="next"'))
    got = slct.run("tags", f"{proxy.host}/{pushed[0]}", rc=4)
    assert "without end" in got.err and len(proxy.seen) <= 1000, got


# --- referrers

REFERRER = {"mediaType": OCI_MANIFEST, "digest": "sha256:" + "5" * 64, "size": 100,
            "artifactType": "application/spdx+json"}


def referrer_list(*entries):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})


def test_referrers(slct, proxy, pushed):
    path, digest = pushed
    second = dict(REFERRER, digest="sha256:" + "6" * 64)
    proxy.on("GET", f"/referrers/{digest}.*next", status(200, referrer_list(second), Content_Type=OCI_INDEX))
    proxy.on("GET", f"/referrers/{digest}", status(200, referrer_list(REFERRER), Content_Type=OCI_INDEX,
                                                   Link='</v2/else/referrers/x?next=1>; rel="next"'))
    for name in (f"{path}:1", f"{path}@{digest}"):
        got = slct.run("tags", "--referrers", f"{proxy.host}/{name}")
        assert got.out.splitlines() == [f"{d['digest']} application/spdx+json" for d in (REFERRER, second)]


def test_referrers_by_tag(slct, proxy, pushed):
    """docker-registry has no such interface: the list is kept under a tag, if there is any."""
    path, digest = pushed
    assert slct.run("tags", "--referrers", f"{proxy.host}/{path}:1").out == ""
    proxy.on("GET", f"/manifests/{digest.replace(':', '-')}",
             status(200, referrer_list(REFERRER), Content_Type=OCI_INDEX))
    got = json.loads(slct.run("--json", "tags", "--referrers", f"{proxy.host}/{path}:1").out)
    assert got["referrers"] == [REFERRER]


@pytest.mark.parametrize("body", ["{}", "[]", referrer_list({"digest": "x"}), "[" * 10000])
def test_bad_list_of_referrers(slct, proxy, pushed, body):
    proxy.on("GET", "/referrers/", status(200, body, Content_Type=OCI_INDEX))
    got = slct.run("tags", "--referrers", f"{proxy.host}/{pushed[0]}:1", rc=4)
    assert len(got.errors) == 1, got


# --- removal

def test_a_manifest_is_removed(slct, registry, pushed):
    path, digest = pushed
    slct.run("rm", f"docker://{registry.host}/{path}@{digest}")
    slct.run("pull", f"{registry.host}/{path}:1", rc=4)
    slct.run("rm", f"docker://{registry.host}/{path}@{digest}", rc=4)
    assert slct.run("images", "-q").out    # nothing of the store


def test_a_tag_is_never_widened_to_its_manifest(slct, registry, pushed):
    """docker-registry cannot remove a tag alone: an error, and the other tag is still there."""
    path, _ = pushed
    got = slct.run("rm", f"docker://{registry.host}/{path}:1", rc=None)
    assert slct.run("pull", f"{registry.host}/{path}:2", "other:1").rc == 0
    if got.rc:
        assert got.rc == 4 and "hint:" in got.err and "all of its tags" in got.err, got


def test_a_tag_is_removed(slct, proxy, pushed):
    proxy.on("DELETE", "/manifests/1$", status(202))
    slct.run("rm", f"docker://{proxy.host}/{pushed[0]}:1")
    assert proxy.count("DELETE") == 1 and len(proxy.seen) == 1


def test_removal_names_its_object(slct, registry, proxy, pushed):
    path, _ = pushed
    assert "missing" in slct.run("rm", f"docker://{proxy.host}/{path}", rc=2).err
    slct.run("rm", "localhost/busybox:1", f"docker://{proxy.host}/{path}", rc=2)
    assert proxy.seen == [] and slct.run("images", "-q").out
    proxy.on("DELETE", "", status(405))
    assert "deletion" in slct.run("rm", f"docker://{proxy.host}/{path}@sha256:{'0' * 64}", rc=4).err


# --- images that are not in the store

def test_history_of_images_elsewhere(slct, registry, proxy, pushed, work):
    """Of a registry: manifest and config, no layer. Of a layout: the same."""
    path, _ = pushed
    slct.build("FROM localhost/busybox:1\nRUN echo hi >/hi\nENV A=1\n", tag="h:1")
    slct.run("push", "h:1", f"{registry.host}/{path}:h")
    slct.run("copy", f"docker://{registry.host}/{path}:h", f"oci:{work}/l:h")
    want = [(h["created_by"], h.get("layer")) for h in json.loads(slct.run("--json", "history", "h:1").out)["history"]]
    for place in (f"docker://{proxy.host}/{path}:h", f"oci:{work}/l:h"):
        got = json.loads(slct.run("--json", "history", place).out)["history"]
        assert [(h["created_by"], h.get("layer")) for h in got] == want
        assert all((h["size"] > 0) == ("layer" in h) for h in got)
    assert len([s for s in proxy.seen if "/blobs/" in s.path]) == 1, proxy.seen


@pytest.mark.parametrize("command", [("ls", "{}", "/"), ("cat", "{}", "/x"), ("diff", "{}", "b"), ("diff", "b", "{}"),
                                     ("tag", "{}", "x:1"),
                                     ("save", "-o", "o.tar", "{}"), ("push", "{}", "localhost:1/x"),
                                     ("export", "-o", "o", "{}")])
@pytest.mark.parametrize("place, remedy", [("docker://localhost:1/x:1", "slct pull localhost:1/x:1"),
                                           ("oci:l:1", "slct copy oci:l:1 store:NAME"),
                                           ("oci-archive:l.tar", "slct copy oci-archive:l.tar store:NAME")])
def test_images_elsewhere_get_the_remedy(empty, command, place, remedy):
    got = empty.run(*(word.format(place) for word in command), rc=2)
    assert place in got.err and f"hint: first: {remedy}" in got.err, got


# --- the way

def test_http2_shares_connections(slct, work):
    """Eight layers at once over one connection or two."""
    authority = Authority(work / "authority")
    cert, key = authority.issue("registry.example.test", "DNS:registry.example.test")
    registry = Registry(work / "h2", tls={"certificate": cert, "key": key}).start()
    try:
        slct.build("FROM localhost/busybox:1\n" + "".join(f"COPY f{n} /\n" for n in range(8)), tag="localhost/h2:1",
                   files={f"f{n}": os.urandom(20000) for n in range(8)})
        with Tunnel(registry.port) as tunnel:
            env = {"https_proxy": tunnel.url, "SLCT_CA_FILE": str(authority.ca)}
            slct.run("push", "localhost/h2:1", "registry.example.test/h2:1", env=env)
            assert 1 <= len(tunnel.hosts) <= 2, tunnel.hosts
        assert re.search(r'"PUT /v2/h2/\S+ HTTP/2\.0"', registry.log.read_text())
    finally:
        registry.stop()


def test_no_proxy_for_loopback(slct, registry, pushed):
    with Tunnel(1) as tunnel:
        slct.run("tags", f"{registry.host}/{pushed[0]}", env={"http_proxy": tunnel.url, "https_proxy": tunnel.url})
        assert tunnel.hosts == []


def test_ipv6(slct, registry, new_slct):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        lack("no IPv6 on loopback")
    path = registry.repo("six").split("/")[1]
    with FaultProxy(registry.port, address="::1") as proxy:
        slct.run("push", "localhost/busybox:1", f"{proxy.host}/{path}:1")
        new_slct(base=None).run("pull", f"{proxy.host}/{path}:1")
        assert proxy.host.startswith("[::1]:") and len(proxy.seen) > 5


def test_nobody_listens_in_time(slct):
    """An address that answers nothing (TEST-NET): the connect time-out ends it."""
    got = slct.run("tags", "192.0.2.1:5000/x", rc=4, env={"SLCT_CONNECT_TIMEOUT": "1s"}, timeout=60)
    assert len(got.errors) == 1 and "192.0.2.1:5000" in got.err and got.seconds < 30, got


@pytest.mark.parametrize("value", ["0s", "soon", "-1s"])
def test_senseless_time_outs(slct, value):
    got = slct.run("tags", "localhost:1/x", rc=3, env={"SLCT_STALL_TIMEOUT": value})
    assert "SLCT_STALL_TIMEOUT" in got.err, got
