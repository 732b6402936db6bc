"""Programs for the tests of the command backend: the first argument says what to do."""

import json
import os
import signal
import subprocess
import sys
import time

KEY = "000011-000022-720885-123453-000000-700007-111111-222222"
SLEEP = [sys.executable, "-I", "-c", "import time; time.sleep(600)"]


def say(**fields):
    json.dump({"clavis": 1} | fields, sys.stdout)
    sys.stdout.flush()


def request():
    return json.load(sys.stdin)


def tell_numbers(file, *others):
    with open(file + ".part", "w") as part:
        print(os.getpid(), *others, file=part)
    os.rename(file + ".part", file)


def hang(file):
    tell_numbers(file, subprocess.Popen(SLEEP).pid)
    time.sleep(600)


def leave_something_behind(file):
    request()
    tell_numbers(file, subprocess.Popen(SLEEP).pid)
    say(devices=[])


def flood():
    while True:
        sys.stdout.write("x" * 65536)


def flood_aside():
    request()
    sys.stderr.write("first\n" + "x" * 1_000_000)
    say(devices=[])


def print_text(text):
    request()
    print(text)


def exit_with_3():
    request()
    say(devices=[])
    sys.exit(3)


def be_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def not_read():
    os.close(0)
    say(keys=[])


def complain(*text):
    request()
    print(*text, file=sys.stderr)
    sys.exit(1)


def tell_surroundings(path, *_):
    request()
    with open("/proc/self/environ") as environ:
        environment = sorted(environ.read().split("\0")[:-1])
    privileges = [line for line in open("/proc/self/status") if line.startswith("NoNewPrivs:")]
    limits = [line for line in open("/proc/self/limits") if "core file size" in line]
    files = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    told = {
        "environment": environment,
        "folder": os.getcwd(),
        "arguments": sys.argv[2:],
        "sees": any(file == path for file in files),
        "leads": os.getpgrp() == os.getpid(),
        "core": limits[0].split()[4],
        "gains": privileges[0].split()[1] != "1",
    }
    say(findings=[{"severity": "ok", "what": json.dumps(told)}])


def take_turns(file):
    for word in "begin", "end":
        with open(file, "a") as turns:
            print(word, file=turns)
        time.sleep(0.05)
    say(devices=[])


globals()[sys.argv[1]](*sys.argv[2:])
