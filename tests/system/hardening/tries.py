"""An escrow backend with one key, which tries on every call what it should not be able to do.

Arguments: a JSON object of what to try, as text. What came of each is in the file `told` of it.
"""

import ctypes
import json
import os
import platform
import signal
import socket
import sys

# `CLONE_NEWUSER` and `CLONE_NEWNET` of clone(2).
NEW_USER, NEW_NET = 0x10000000, 0x40000000

KEY_ID = "00000001-0000-0000-0000-000000000000"
KEY = "000011-000022-720885-123453-000000-700007-111111-222222"
ANSWERS = {
    "devices": {"devices": [{"id": "d-1", "name": "LT-0042"}]},
    "records": {
        "records": [{"key_id": KEY_ID, "kind": "operating_system", "escrowed_at": "2026-09-01T08:30:00Z"}]
    },
    "keys": {"keys": [{"key_id": KEY_ID, "key": KEY}]},
    "check": {"findings": [{"severity": "ok", "what": "It tries."}]},
}


def read(path):
    open(path, "rb").read(1)


def write(path):
    open(path, "wb").close()


def connect(port):
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


def connect_on_many_paths(port):
    multipath = 262
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, multipath) as tried:
        tried.connect(("127.0.0.1", port))


def connect_by_sending(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))


def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    answer = getattr(libc, name)(*arguments)
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def clone(flags):
    """Makes a process with these flags (clone(2)), for which the C library has no function of that form."""
    number = 56 if platform.machine() == "x86_64" else 220
    child = call("syscall", number, ctypes.c_ulong(flags | signal.SIGCHLD), None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def outcome(deed):
    try:
        deed()
        return "done"
    except OSError as error:
        return type(error).__name__


def main():
    request = json.load(sys.stdin)
    wanted = json.loads(sys.argv[1])
    attach, no_wait = 16, 0
    told = {
        "read a file that is named": outcome(lambda: read(wanted["named_file"])),
        "read another file": outcome(lambda: read(wanted["other_file"])),
        "write another file": outcome(lambda: write(wanted["other_file"])),
        "read memory of the daemon": outcome(lambda: read(f"/proc/{os.getppid()}/mem")),
        "connect to a port that is named": outcome(lambda: connect(wanted["named_port"])),
        "connect to another port": outcome(lambda: connect(wanted["other_port"])),
        "connect to it on many paths": outcome(lambda: connect_on_many_paths(wanted["other_port"])),
        "connect to it by sending": outcome(lambda: connect_by_sending(wanted["other_port"])),
        "trace the daemon": outcome(lambda: call("ptrace", attach, os.getppid(), no_wait, no_wait)),
        "enter another namespace": outcome(lambda: call("unshare", NEW_USER)),
        "make a process in another namespace": outcome(lambda: clone(NEW_USER | NEW_NET)),
        "start a program": outcome(lambda: os.waitpid(os.spawnv(os.P_NOWAIT, "/bin/true", ["true"]), 0)),
    }
    with open(wanted["told"] + ".new", "w") as file:
        json.dump(told, file)
    os.rename(wanted["told"] + ".new", wanted["told"])
    json.dump({"clavis": 1} | ANSWERS[request["call"]], sys.stdout)


main()
