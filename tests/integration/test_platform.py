"""Images of another platform: which one is taken, and steps whose programs this machine cannot run."""
from pathlib import Path

import pytest

from lab import lack

ARM = "linux/arm64"


def foreign_program():
    """A program that claims to be for arm64 (ELF, e_machine 183)."""
    if any("aarch64" in p.name for p in Path("/proc/sys/fs/binfmt_misc").glob("*")):
        lack("no handler for programs of arm64")
    header = bytearray(64)
    header[:7] = b"\x7fELF\x02\x01\x01"
    header[16:20] = bytes((2, 0, 183, 0))
    header[20], header[52], header[54] = 1, 64, 56
    return bytes(header)


@pytest.fixture
def arm(slct):
    """localhost/arm:1, whose shell is for arm64."""
    slct.build("FROM scratch\nCOPY sh /bin/sh\n", "--platform", ARM, files={"sh": (foreign_program(), 0o755)},
               tag="localhost/arm:1")
    return slct


def test_steps_need_an_emulator(arm):
    got = arm.build("FROM --platform=linux/arm64 localhost/arm:1\nCOPY Dockerfile /\nRUN true\n", rc=None)
    assert got.rc != 0 and "linux/arm64" in got.err and "qemu-user-static" in got.err and "binfmt-support" in got.err
    assert "Dockerfile:3" in got.err


def test_no_emulator_for_the_rest(arm):
    arm.build("FROM localhost/arm:1\nARG TARGETARCH\nENV A=$TARGETARCH\nWORKDIR /w\nCOPY Dockerfile /w/\n",
              "--platform", ARM)
    config = arm.config()
    assert config["architecture"] == "arm64" and "A=arm64" in config["config"]["Env"]


def test_a_bad_program_of_this_platform(slct):
    got = slct.build("FROM localhost/busybox:1\nCOPY x /x\nRUN [\"/x\"]\n", files={"x": (foreign_program(), 0o755)},
                     rc=None)
    assert "no program for this machine" in got.err and "qemu" not in got.err


def test_other_platform_in_the_store(arm, registry):
    """--pull missing takes what is there only if it is for the platform."""
    ref = registry.repo() + ":1"
    arm.run("push", "localhost/arm:1", ref)
    arm.run("tag", "localhost/busybox:1", ref)
    arm.build(f"FROM {ref}\nENV A=b\n", "--platform", ARM, "--pull", "missing")
    assert arm.config()["architecture"] == "arm64"
    got = arm.build(f"FROM {ref}\nENV A=b\n", "--platform", ARM, "--pull", "never")
    assert "is an image for linux/amd64, not for linux/arm64" in got.err


def test_security(slct):
    slct.build("FROM localhost/busybox:1\nRUN --security=sandbox echo x >/x\n")
    assert slct.image().text("x") == "x\n"
    got = slct.build("FROM localhost/busybox:1\nRUN --security=insecure true\n", rc=3)
    assert "--security=insecure" in got.err and "security.insecure" in got.err and "Dockerfile:2" in got.err


CAPS = "sed -n 's/^CapEff:[ \t]*//p' /proc/self/status"


def test_insecure(slct):
    """Every capability, no filter, nothing hidden; the image and the key are other ones."""
    text = f"FROM localhost/busybox:1\nRUN {{}} {CAPS} >/caps; grep Seccomp: /proc/self/status >>/caps; " \
           "mount -t tmpfs none /mnt 2>/dev/null && echo mounted >>/caps || echo refused >>/caps\n"
    files = {"mnt/x": ""}
    head, rest = text.split("\n", 1)
    text = f"{head}\nCOPY mnt /mnt\n{rest}"
    slct.build(text.format(""), files=files)
    plain = slct.image().text("caps").split()
    got = slct.build(text.format("--security=insecure"), "--allow", "security.insecure", files=files)
    assert len(got.ran) == 1, "another key"
    insecure = slct.image().text("caps").split()
    assert plain[-1] == "refused" and plain[-2] == "2" and insecure[-1] == "mounted" and insecure[-2] == "0"
    assert int(insecure[0], 16) & int(plain[0], 16) == int(plain[0], 16) and insecure[0] != plain[0]
    assert "mnt/mounted" not in slct.image() and slct.image().text("mnt/x") == ""


def test_one_shm(slct):
    """A step sees one /dev/shm, its own if it asks for one."""
    slct.build("FROM localhost/busybox:1\nRUN grep -c ' /dev/shm ' /proc/mounts >/a\n"
               "RUN --mount=type=tmpfs,target=/dev/shm,size=131072 grep ' /dev/shm ' /proc/mounts >/b\n")
    assert slct.image().text("a") == "1\n"
    (line,) = slct.image().text("b").splitlines()
    assert "size=128k" in line


def test_devices(slct):
    """What a step can do without is left out with a warning, as where no such device is registered."""
    got = slct.build("FROM localhost/busybox:1\nRUN --device=vendor.com/gpu=all echo a >/a\n")
    assert "vendor.com/gpu=all" in got.err and "warning" in got.err
    got = slct.build("FROM localhost/busybox:1\nRUN --device=vendor.com/gpu,required true\n", rc=3)
    assert "vendor.com/gpu" in got.err and "required" in got.err and "Dockerfile:2" in got.err
    got = slct.build("FROM localhost/busybox:1\nRUN --device=required=x,name=y true\n", rc=3)
    assert "required=x" in got.err
