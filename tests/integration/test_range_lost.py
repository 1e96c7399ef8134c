"""Tier range: what the kernel refuses a step, and root would not be refused, is said and goes into no remote cache."""
import pytest

REFUSED = "refused to the step: "
OWNERS = "touch /a; chown 2345678:3 /a || true; chown -h :3456789 /a || true"
NODE = "touch /b; mknod /n c 1 3 || true"


@pytest.fixture
def ranged(new_slct, user):
    return new_slct(user=user)


def build(slct, *commands, **kw):
    text = "FROM localhost/busybox:1\n" + "".join(f"RUN {c}\n" for c in commands)
    done = slct.build(text, *kw.pop("args", ()), **kw)
    assert done.err.startswith("isolation: range")
    return done


def test_owners_outside_the_range(ranged):
    err = build(ranged, OWNERS).err
    assert f"line 2: {REFUSED}owners outside of the map of ids (2 times, first user 2345678)" in err
    assert "/etc/subuid" in err and "--isolation solo" in err
    assert ranged.image()["a"].owner == "0:0"
    ranged.fsck()


def test_device_nodes(ranged):
    err = build(ranged, NODE).err
    assert f"{REFUSED}device nodes (1 times)" in err and "owners" not in err.split(REFUSED)[1].split(";")[0]


def test_what_is_in_the_range_is_not_told(ranged):
    err = build(ranged, "touch /a; chown 65535:65535 /a; chgrp 1 /a; mkfifo /p; mkdir /d; touch /d/x; chown -R 5:6 /d",
                "rm -r /d; mkdir /d; ln -s x /l; chown -h 7:8 /l").err
    assert REFUSED not in err


def test_a_failed_step_is_told_by_its_error_alone(ranged):
    done = build(ranged, "chown 2345678 /bin", rc=None)
    assert done.rc and REFUSED not in done.err


@pytest.mark.parametrize("step", [OWNERS, NODE, "mknod /n b 8 0 || true"], ids=["owners", "node", "no layer"])
def test_no_remote_cache(ranged, new_slct, user, registry, step):
    cache = registry.repo("refused")
    build(ranged, step, "touch /after", args=("--cache-to", cache))
    other = new_slct(user=user)
    assert len(build(other, step, "touch /after", args=("--cache-from", cache)).ran) == 2
    assert build(ranged, step, "touch /after").ran == []   # here it is as good as before
    # Beside it another step's entry goes there.
    build(ranged, "touch /fine", args=("--cache-to", cache))
    assert build(new_slct(user=user), "touch /fine", args=("--cache-from", cache)).ran == []


def test_solo_keeps_what_range_loses(ranged):
    ranged.build(f"FROM localhost/busybox:1\nRUN {OWNERS}\nRUN {NODE}\n", "--isolation", "solo")
    image = ranged.image()
    assert image["a"].owner == "2345678:3456789" and image["n"].kind == "char"
