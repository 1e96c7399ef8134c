"""TLS: authorities and client certificates from options, settings and certs.d; proxies; who sees a client certificate.

registry.example.test is reached through a proxy, so that it is no name of loopback and must be verified."""
import shutil

import pytest

from certs import Authority
from faultproxy import FaultProxy, Trap, Tunnel, redirect
from lab import Registry

NAME = "registry.example.test"


@pytest.fixture
def authority(work):
    return Authority(work / "authority")


@pytest.fixture
def secure(authority, registry):
    """The registry behind TLS."""
    with FaultProxy(registry.port, tls=authority.context()) as proxy:
        yield proxy


@pytest.fixture
def far(secure):
    """The same at registry.example.test, by a proxy: the environment that leads there."""
    with Tunnel(secure.port) as tunnel:
        yield {"https_proxy": tunnel.url}, tunnel


@pytest.fixture
def name(registry):
    """A repository of its own there."""
    return f"{NAME}/{registry.repo('tls').split('/')[1]}:1"


def certs_d(slct, host):
    folder = slct.work / "home/.config/containers/certs.d" / host
    folder.mkdir(parents=True)
    return folder


def test_unknown_authority_is_refused(slct, far, name, secure):
    got = slct.run("push", "localhost/busybox:1", name, env=far[0], rc=4)
    assert "certificate" in got.err and "--ca-file" in got.err and len(got.errors) == 1, got
    assert secure.seen == []


def test_ca_file(slct, far, name, authority):
    env, tunnel = far
    slct.run("push", "--ca-file", authority.ca, "localhost/busybox:1", name, env=env)
    slct.run("pull", name, "copy:1", env={**env, "SLCT_CA_FILE": str(authority.ca)})
    assert set(tunnel.hosts) == {f"{NAME}:443"}


def test_certs_d_of_the_user(slct, far, name, authority):
    shutil.copy(authority.ca, certs_d(slct, NAME) / "own.crt")
    slct.run("push", "localhost/busybox:1", name, env=far[0])


def test_cert_dir_goes_first(slct, far, name, authority):
    other = Authority(slct.work / "other")
    shutil.copy(other.ca, certs_d(slct, NAME) / "own.crt")
    slct.run("push", "localhost/busybox:1", name, env=far[0], rc=4)
    folder = slct.work / "certs" / f"{NAME}:443"
    folder.mkdir(parents=True)
    shutil.copy(authority.ca, folder / "ca.crt")
    slct.run("push", "--cert-dir", folder.parent, "localhost/busybox:1", name, env=far[0])


def test_settings_file(slct, far, name, authority):
    folder = slct.work / "home/.config/slct"
    folder.mkdir(parents=True)
    (folder / "slct.yml").write_text(f"ca-file: {authority.ca}\n")
    slct.run("push", "localhost/busybox:1", name, env=far[0])
    assert slct.run("tags", name.rsplit(":", 1)[0], env=far[0]).out == "1\n"


def test_another_name_than_the_certificate_has(slct, far, registry, authority):
    got = slct.run("push", "--ca-file", authority.ca, "localhost/busybox:1", "other.example.test/x:1", env=far[0], rc=4)
    assert "other.example.test" in got.err, got


def test_loopback_is_verified_where_a_certificate_is_laid_down(slct, secure, registry, authority):
    ref = f"{secure.host}/{registry.repo('tls').split('/')[1]}:1"
    slct.run("push", "localhost/busybox:1", ref)    # loopback by itself is not
    folder = certs_d(slct, secure.host)
    shutil.copy(Authority(slct.work / "other").ca, folder / "a.crt")
    slct.run("pull", ref, rc=4)
    shutil.copy(authority.ca, folder / "b.crt")
    slct.run("pull", ref)


@pytest.mark.parametrize("file", ["empty.crt", "alone.cert"])
def test_useless_files_are_errors(slct, far, name, file):
    folder = certs_d(slct, NAME)
    (folder / file).write_text("nothing\n")
    got = slct.run("push", "localhost/busybox:1", name, env=far[0], rc=3)
    assert file in got.err and "hint:" in got.err, got


# --- client certificates

def test_client_certificate(slct, authority, work, registry):
    server, server_key = authority.issue("localhost", "DNS:localhost")
    strict = Registry(work / "strict",
                      tls={"certificate": server, "key": server_key, "clientcas": authority.ca}).start()
    try:
        ref = strict.repo() + ":1"
        got = slct.run("push", "localhost/busybox:1", ref, rc=4)
        assert "client certificate" in got.err and len(got.errors) == 1, got
        client, key = authority.issue("client")
        folder = certs_d(slct, strict.host)
        shutil.copy(authority.ca, folder / "ca.crt")
        shutil.copy(client, folder / "me.cert")
        shutil.copy(key, folder / "me.key")
        slct.run("push", "localhost/busybox:1", ref)
        slct.run("pull", ref)
    finally:
        strict.stop()


def test_client_certificate_goes_to_its_own_host_only(slct, authority, registry):
    """A redirect leads to another port, which asks for a certificate too and gets none."""
    client, key = authority.issue("client")
    path = registry.repo("tls").split("/")[1]
    with Trap(tls=authority.context(ask_client=True)) as trap, \
            FaultProxy(registry.port, tls=authority.context(ask_client=True)) as proxy:
        folder = certs_d(slct, proxy.host)
        shutil.copy(client, folder / "me.cert")
        shutil.copy(key, folder / "me.key")
        slct.run("push", "localhost/busybox:1", f"{proxy.host}/{path}:1")
        assert all(s.peer for s in proxy.seen)
        proxy.on("GET", "/blobs/", redirect(trap.url + "{path}"))
        slct.run("rm", "localhost/busybox:1")
        slct.run("gc")
        slct.run("pull", f"{proxy.host}/{path}:1", rc=4)
        assert trap.seen and not any(s.peer for s in trap.seen)
