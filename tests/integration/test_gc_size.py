"""gc --keep-storage: as many cache entries as fit, those used last before others."""
import json
import time

import pytest


def records(slct):
    return {p: json.loads(p.read_text()) for p in (slct.store / "cache").glob("*.json")}


def age(slct, word, seconds):
    for path, record in records(slct).items():
        if word in record["step"]:
            record["used"] = int(time.time()) - seconds
            path.write_text(json.dumps(record))


@pytest.fixture
def aged(slct):
    """Three steps of 4 MiB each, used three, two and one days ago; no image needs them."""
    for i, word in enumerate(("first", "second", "third")):
        slct.build(f"FROM localhost/busybox:1\nRUN dd if=/dev/urandom of=/{word} bs=1M count=4 2>/dev/null\n",
                   tag=f"x:{i}")
        slct.run("rm", f"x:{i}")
        age(slct, word, (3 - i) * 86400)
    return slct


def left(slct):
    return {word for word in ("first", "second", "third") for r in records(slct).values() if word in r["step"]}


@pytest.mark.parametrize("args, expected", [
    (["--keep-storage", "100m"], {"first", "second", "third"}),
    (["--keep-storage", "11m"], {"second", "third"}),
    (["--keep-storage", "7m"], {"third"}),
    (["--keep-storage", "1k"], set()),
    (["--keep-storage", "100m", "--keep-last", "36h"], {"third"}),
    (["--keep-last", "60h"], {"second", "third"}),
])
def test_keep_storage(aged, args, expected):
    aged.run("gc", "--dry-run", *args)
    assert left(aged) == {"first", "second", "third"}
    aged.run("gc", *args)
    assert left(aged) == expected
    assert len(list((aged.store / "layers/real").iterdir())) == 1 + len(expected)   # and the base
    aged.fsck()


def test_options_that_exclude_each_other(aged):
    aged.run("gc", "--keep", "1h", "--keep-last", "1h", rc=2)
    aged.run("gc", "--all", "--keep-storage", "1m", rc=2)
