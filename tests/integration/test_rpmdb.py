"""slct diff: packages of rpm's database in the form of an SQLite file."""
import gzip
import json
import sqlite3
import struct

import pytest

from lab import REPO


def header(name, version, release, epoch=None, filler=b""):
    """A package as rpm's database has it: numbers of entries and bytes, the entries, their data."""
    data, entries = b"", []
    for tag, text in ((1000, name), (1001, version), (1002, release)):
        entries.append((tag, 6, len(data), 1))
        data += text.encode() + b"\0"
    entries.append((1004, 7, len(data), len(filler)))
    data += filler
    if epoch is not None:
        data += b"\0" * (-len(data) % 4)
        entries.append((1003, 4, len(data), 1))
        data += struct.pack(">I", epoch)
    return struct.pack(">II", len(entries), len(data)) + b"".join(struct.pack(">IIII", *e) for e in entries) + data


def database(path, headers, page=4096):
    """With the tables that rpm makes, the one looked for not being the first."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA page_size = {page}")
        db.execute("CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)")
        db.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        db.executemany("INSERT INTO Packages (blob) VALUES (?)", [(h,) for h in headers])
    db.close()


def image(slct, name, folder, files):
    copies = "".join(f"COPY {file} {at}\n" for at, file in files.items())
    (folder / "Dockerfile").write_text(f"FROM localhost/busybox:1\n{copies}")
    slct.run("build", "-t", name, folder)


@pytest.mark.parametrize("place", ["/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite"])
@pytest.mark.parametrize("page", [512, 4096, 65536])
def test_packages(slct, page, place):
    """Enough rows for several levels of pages, and headers that overflow theirs."""
    folder = slct.context({})
    many = [header(f"p{n:04}", "1", str(n), filler=bytes(n * 7 % 3000)) for n in range(300)]
    first = [header("kernel", "6.1", "1"), header("gone", "1", "1"), header("epoch", "2", "3", epoch=4), *many,
             header("large", "1", "1", filler=bytes(300000))]
    second = [header("epoch", "2", "4", epoch=5), header("kernel", "6.2", "1"), header("kernel", "6.1", "1"), *many,
              header("large", "1", "2", filler=bytes(300000)), header("new", "0", "0", epoch=0)]
    for name, headers in (("one:1", first), ("two:1", second)):
        database(folder / "db", headers, page)
        image(slct, name, folder, {place: "db"})
    found = json.loads(slct.run("diff", "--json", "one:1", "two:1").out)
    assert found["notes"] == []
    assert found["packages"]["rpm"] == {
        "added": {"new": "0-0"}, "removed": {"gone": "1-1"},
        "changed": {"epoch": ["4:2-3", "5:2-4"], "kernel": ["6.1-1", "6.1-1, 6.2-1"], "large": ["1-1", "1-2"]}}


def test_what_is_not_read(slct):
    """A database that is cut off or damaged, or that has changes in its log, is named; another list of packages counts."""
    folder = slct.context({})
    database(folder / "db", [header(f"p{n}", "1", "1", filler=bytes(500)) for n in range(50)])
    whole = (folder / "db").read_bytes()
    (folder / "wal").write_bytes(b"x")
    (folder / "empty").write_bytes(b"")
    (folder / "cut").write_bytes(whole[:len(whole) // 2])
    (folder / "text").write_bytes(b"SQLite format 3\0" + bytes(2000))
    place = "/usr/lib/sysimage/rpm/rpmdb.sqlite"
    for n, (files, read) in enumerate((({place: "db"}, True), ({place: "db", f"{place}-wal": "empty"}, True),
                                       ({place: "db", f"{place}-wal": "wal"}, False), ({place: "cut"}, False),
                                       ({place: "text"}, False), ({"/var/lib/rpm/Packages": "wal"}, False))):
        image(slct, f"i:{n}", folder, files)
        found = json.loads(slct.run("diff", "--json", "localhost/busybox:1", f"i:{n}").out)
        assert ("rpm" in found["packages"]) == read and (found["notes"] == []) == read, (n, found)
        assert not read or len(found["packages"]["rpm"]["added"]) == 50


def test_a_database_of_rpm_itself(slct):
    """Written by rpm 4.18: two packages with an epoch."""
    folder = slct.context({})
    (folder / "db").write_bytes(gzip.decompress((REPO / "tests/data/rpm/rpmdb.sqlite.gz").read_bytes()))
    image(slct, "rpm:1", folder, {"/var/lib/rpm/rpmdb.sqlite": "db"})
    found = json.loads(slct.run("diff", "--json", "localhost/busybox:1", "rpm:1").out)
    assert found["packages"]["rpm"]["added"] == {"demo": "3:1.5-7", "other": "3:2-7"} and found["notes"] == []
