"""Writes the registers of every thread of a process to standard output: registers.py PID [TEXT]

The process has been stopped before. TEXT, 16 characters, is put into the vector register xmm15 of its first
thread for as long as that is read, to show that it would be found.
"""

import ctypes
import os
import platform
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

# ptrace(2) and <linux/elf.h>.
SEIZE, INTERRUPT, DETACH, GETREGSET, SETREGSET = 0x4206, 0x4207, 17, 0x4204, 0x4205
GENERAL, VECTOR_OF_OTHERS, VECTOR_OF_X86 = 1, 2, 0x202
ON_X86 = platform.machine() == "x86_64"
VECTOR = VECTOR_OF_X86 if ON_X86 else VECTOR_OF_OTHERS
WALL = 0x40000000
# In the layout of XSAVE (Intel SDM volume 1, 13.4): xmm15, and the bit that says that xmm registers
# are in use.
XMM15, IN_USE, XMM_IN_USE = 160 + 15 * 16, 512, 2


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def call(request, thread, address=0, data=None):
    if libc.ptrace(request, thread, address, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}, request {request:#x}")


def read(thread, which):
    memory = ctypes.create_string_buffer(64 * 1024)
    piece = Piece(ctypes.addressof(memory), len(memory))
    call(GETREGSET, thread, which, ctypes.byref(piece))
    return memory.raw[: piece.length]


def write(thread, which, registers):
    memory = ctypes.create_string_buffer(registers, len(registers))
    piece = Piece(ctypes.addressof(memory), len(registers))
    call(SETREGSET, thread, which, ctypes.byref(piece))


def read_planted(thread, planted):
    before = read(thread, VECTOR)
    changed = bytearray(before)
    changed[XMM15 : XMM15 + 16] = planted
    changed[IN_USE] |= XMM_IN_USE
    write(thread, VECTOR, bytes(changed))
    try:
        return read(thread, VECTOR)
    finally:
        write(thread, VECTOR, before)


def main(pid, planted=None):
    threads = sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    for thread in threads:
        call(SEIZE, thread)
        call(INTERRUPT, thread)
        os.waitpid(thread, WALL)
    for thread in threads:
        sys.stdout.buffer.write(read(thread, GENERAL))
        if planted and thread == threads[0]:
            sys.stdout.buffer.write(read_planted(thread, planted.encode()))
        else:
            sys.stdout.buffer.write(read(thread, VECTOR))
    for thread in threads:
        call(DETACH, thread)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
