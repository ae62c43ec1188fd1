"""A filter of system calls: no network, no other programs (Linux, seccomp)."""

import ctypes
import platform
import socket
import struct
import sys
from typing import Final, NamedTuple

# Constants of Linux: prctl(2), seccomp(2), bpf(4).
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_GREATER_OR_EQUAL: Final = 0x35
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_DENY: Final = 0x00050000 | 13  # the call fails with EACCES
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCHITECTURE: Final = 4
_OFFSET_FIRST_ARGUMENT: Final = 16
_X32: Final = 0x40000000  # on x86-64, calls from this number belong to another ABI


class _Calls(NamedTuple):
    architecture: int
    socket: int
    execve: int
    execveat: int
    io_uring_setup: int


_CALLS: Final = {
    "x86_64": _Calls(0xC000003E, 41, 59, 322, 425),
    "aarch64": _Calls(0xC00000B7, 198, 221, 281, 425),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_network_and_programs() -> bool:
    """Let system calls fail that create network sockets or start programs.

    Returns:
        Whether the restriction is in force. It is not on other systems than Linux on x86-64 or ARM.
    """
    calls = _CALLS.get(platform.machine())
    if sys.platform != "linux" or calls is None:
        return False
    instructions = _filter(calls)
    program = _Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(calls: _Calls) -> bytes:
    """Return a program of classic BPF that examines each system call.

    A jump names how many instructions it skips if its condition is true, and if it is false.
    """
    return b"".join(
        struct.pack("=HBBI", code, if_true, if_false, value)
        for code, if_true, if_false, value in (
            (_LOAD_WORD, 0, 0, _OFFSET_ARCHITECTURE),
            (_JUMP_IF_EQUAL, 0, 9, calls.architecture),  # else: deny
            (_LOAD_WORD, 0, 0, _OFFSET_NUMBER),
            (_JUMP_IF_GREATER_OR_EQUAL, 7, 0, _X32),  # deny
            (_JUMP_IF_EQUAL, 6, 0, calls.execve),  # deny
            (_JUMP_IF_EQUAL, 5, 0, calls.execveat),  # deny
            (_JUMP_IF_EQUAL, 4, 0, calls.io_uring_setup),  # deny
            (_JUMP_IF_EQUAL, 0, 2, calls.socket),  # else: allow
            (_LOAD_WORD, 0, 0, _OFFSET_FIRST_ARGUMENT),
            (_JUMP_IF_EQUAL, 0, 1, socket.AF_UNIX),  # else: deny
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _DENY),
        )
    )
