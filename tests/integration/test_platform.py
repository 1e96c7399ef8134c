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
    arm.build("FROM localhost/arm:1\nARG TARGETARCH\nENV A=$TARGETARCH\nWORKDIR /w\nCOPY Dockerfile /w/\n", "--platform", ARM)
    config = arm.config()
    assert config["architecture"] == "arm64" and "A=arm64" in config["config"]["Env"]


def test_a_bad_program_of_this_platform(slct):
    got = slct.build("FROM localhost/busybox:1\nCOPY x /x\nRUN [\"/x\"]\n", files={"x": (foreign_program(), 0o755)}, rc=None)
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
