#!/usr/bin/python3
"""usage: without_memfd.py PROGRAM [ARGUMENT…]

Runs it where the kernel refuses a memfd that could be sealed, as if memory
had run out; others, such as that of a configuration, it grants."""

import ctypes
import errno
import os
import sys

ALLOW, ERRNO, EQUAL = 0x7fff0000, 0x00050000, 4
SEALABLE = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int),
                ("value", ctypes.c_uint64), ("unused", ctypes.c_uint64)]


def main():
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(ALLOW)))
    call = seccomp.seccomp_syscall_resolve_name(b"memfd_create")
    flags = Compare(1, EQUAL, SEALABLE, 0)
    if seccomp.seccomp_rule_add_array(
            context, ctypes.c_uint32(ERRNO | errno.ENOMEM), call, 1,
            ctypes.byref(flags)) or seccomp.seccomp_load(context):
        sys.exit("without_memfd.py: the kernel takes no filter")
    os.execv(sys.argv[1], sys.argv[1:])


main()
