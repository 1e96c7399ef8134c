#!/usr/bin/python3
"""Run a command as docker confines a container's root by default: fourteen capabilities, and none of the calls that
make namespaces or mounts.

    confine.py [--no-mknod] COMMAND [ARGUMENT...]

The filter is loaded before the capabilities go, so that no_new_privs stays off, as in a container. Needs root and
libseccomp.
"""
import ctypes
import os
import struct
import sys

CAPS = ("CHOWN 0", "DAC_OVERRIDE 1", "FOWNER 3", "FSETID 4", "KILL 5", "SETGID 6", "SETUID 7", "SETPCAP 8",
        "NET_BIND_SERVICE 10", "NET_RAW 13", "SYS_CHROOT 18", "MKNOD 27", "AUDIT_WRITE 29", "SETFCAP 31")
DENIED = ("unshare", "mount", "umount2", "setns", "pivot_root", "pidfd_getfd", "open_tree", "move_mount", "fsopen",
          "fsconfig", "fsmount", "fspick", "mount_setattr", "keyctl", "bpf", "perf_event_open", "userfaultfd")
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
EPERM, ENOSYS = 1, 38
ACT_ALLOW, ACT_ERRNO, CMP_MASKED_EQ = 0x7FFF0000, 0x00050000, 7
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPSET_VERSION_3 = 0x20080522


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def check(value, what):
    if value < 0:
        sys.exit(f"confine: {what}: {os.strerror(ctypes.get_errno() or -value)}")


def load_filter():
    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    ctx = ctypes.c_void_p(lib.seccomp_init(ACT_ALLOW))
    lib.seccomp_attr_set(ctx, 3, 0)  # SCMP_FLTATR_CTL_NNP: leave it off
    for name in DENIED:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number != -1:
            check(lib.seccomp_rule_add_array(ctx, ACT_ERRNO | EPERM, number, 0, None), name)
    for flag in NAMESPACES:
        rule = Compare(0, CMP_MASKED_EQ, flag, flag)
        number = lib.seccomp_syscall_resolve_name(b"clone")
        check(lib.seccomp_rule_add_array(ctx, ACT_ERRNO | EPERM, number, 1, ctypes.byref(rule)), "clone")
    number = lib.seccomp_syscall_resolve_name(b"clone3")
    check(lib.seccomp_rule_add_array(ctx, ACT_ERRNO | ENOSYS, number, 0, None), "clone3")
    check(lib.seccomp_load(ctx), "loading the filter")


def drop_capabilities(keep):
    libc = ctypes.CDLL(None, use_errno=True)
    for cap in range(64):
        if not keep >> cap & 1 and libc.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0:
            break
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    low, high = keep & 0xFFFFFFFF, keep >> 32
    header = struct.pack("Ii", CAPSET_VERSION_3, 0)
    data = struct.pack("IIIIII", low, low, 0, high, high, 0)
    check(libc.capset(header, data), "capset")


def main():
    argv = sys.argv[1:]
    keep = sum(1 << int(cap.split()[1]) for cap in CAPS)
    if argv and argv[0] == "--no-mknod":
        keep &= ~(1 << 27)
        argv = argv[1:]
    load_filter()
    drop_capabilities(keep)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
