#!/usr/bin/env python3
"""Tables of file trees: everything that a tree is made of but its times, one line a path, and the difference of two.

    treetable.py table TREE              print the table
    treetable.py diff TREE TREE          print what differs; exit status 1 if anything does

TREE is a tar (slct export, slct build -o type=tar) or a directory. Columns: path, type, mode, uid, gid, size, SHA-256
of the content, link target or device, the first path of a group of hard links, extended attributes, ACLs. Separated by
tabs, "-" where there is nothing. Attributes are in hex; an ACL is user:ID:rwx and so on, as getfacl has it.
"""
import hashlib
import os
import stat
import struct
import sys
import tarfile

COLUMNS = ("type", "mode", "uid", "gid", "size", "digest", "target", "links", "xattrs", "acl")
TYPES = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink",
         tarfile.FIFOTYPE: "fifo", tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block"}
ACL = "system.posix_acl_"
TAGS = {1: "user", 2: "user", 4: "group", 8: "group", 16: "mask", 32: "other"}


def acl_text(value):
    """The kernel's form: version 2, then tag, permissions and id of each entry."""
    entries = [struct.unpack_from("<HHI", value, at) for at in range(4, len(value) - 7, 8)]
    return ",".join(f"{TAGS.get(tag, tag)}:{'' if id_ == 0xFFFFFFFF else id_}:"
                    + "".join(c if perm & bit else "-" for c, bit in (("r", 4), ("w", 2), ("x", 1)))
                    for tag, perm, id_ in entries)


def attributes(pairs):
    """The columns xattrs and acl of (name, bytes) pairs."""
    plain = ",".join(f"{name}={value.hex()}" for name, value in sorted(pairs) if not name.startswith(ACL))
    acls = ";".join(f"{name[len(ACL):]}={acl_text(value)}" for name, value in sorted(pairs) if name.startswith(ACL))
    return plain or "-", acls or "-"


def clean(path):
    return "/" + os.path.normpath("/" + path).lstrip("/")


def read_tar(path):
    rows, later = {}, []
    with tarfile.open(path) as tar:
        for m in tar:
            name = clean(m.name)
            if m.islnk():
                later.append((name, clean(m.linkname)))
                continue
            pairs = [(k[len("SCHILY.xattr."):], v.encode("utf-8", "surrogateescape"))
                     for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")]
            digest = hashlib.file_digest(tar.extractfile(m), "sha256").hexdigest() if m.isreg() else "-"
            target = m.linkname if m.issym() else f"{m.devmajor}:{m.devminor}" if m.isdev() and not m.isfifo() else "-"
            rows[name] = [TYPES.get(m.type, str(m.type)), f"{m.mode & 0o7777:04o}", str(m.uid), str(m.gid),
                          str(m.size) if m.isreg() else "-", digest, target, "-", *attributes(pairs)]
    groups = {}
    for name, first in later:
        groups.setdefault(first, [first]).append(name)
    for first, names in groups.items():
        # Whichever of the names came first in the archive, the table names the first in order.
        for name in names:
            rows[name] = [*rows[first][:7], min(names), *rows[first][8:]]
    return rows


def read_dir(top):
    rows, inodes = {}, {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            kind = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
                    stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFSOCK: "socket"}[stat.S_IFMT(st.st_mode)]
            pairs = [(n, os.getxattr(path, n, follow_symlinks=False))
                     for n in os.listxattr(path, follow_symlinks=False)]
            digest = "-"
            if kind == "file":
                with open(path, "rb") as f:
                    digest = hashlib.file_digest(f, "sha256").hexdigest()
            device = f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
            target = os.readlink(path) if kind == "symlink" else device if kind in ("char", "block") else "-"
            at = clean(os.path.relpath(path, top))
            rows[at] = [kind, f"{stat.S_IMODE(st.st_mode):04o}" if kind != "symlink" else "0777", str(st.st_uid),
                        str(st.st_gid), str(st.st_size) if kind == "file" else "-", digest, target, "-",
                        *attributes(pairs)]
            if kind != "dir" and st.st_nlink > 1:
                inodes.setdefault((st.st_dev, st.st_ino), []).append(at)
    for names in inodes.values():
        for at in names if len(names) > 1 else []:
            rows[at][7] = min(names)
    return rows


def read(path):
    """{path: columns} of a tar or a directory."""
    return read_dir(path) if os.path.isdir(path) else read_tar(path)


def diff(a, b):
    """{path: {column: (a's, b's)}}; a path that only one has differs in its type."""
    out = {}
    for path in sorted(a.keys() | b.keys()):
        if path not in a or path not in b:
            out[path] = {"type": (a.get(path, ["missing"])[0], b.get(path, ["missing"])[0])}
        elif a[path] != b[path]:
            out[path] = {c: (x, y) for c, x, y in zip(COLUMNS, a[path], b[path]) if x != y}
    return out


def show(path, columns):
    return f"{path}\t" + "  ".join(f"{c}: {x} -> {y}" for c, (x, y) in columns.items())


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "table":
        for path, columns in sorted(read(sys.argv[2]).items()):
            print(path, *columns, sep="\t")
    elif len(sys.argv) == 4 and sys.argv[1] == "diff":
        found = diff(read(sys.argv[2]), read(sys.argv[3]))
        for path, columns in found.items():
            print(show(path, columns))
        sys.exit(bool(found))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="surrogateescape")
    main()
