"""Landlock: the Linux kernel (5.13 and later) closes all files but a few to a process.

It asks for no rights, holds until the process ends, and nothing lifts it from inside,
not even code that changes the interpreter's memory. The calls and numbers are those of
linux/landlock.h. The process of a submission imports a copy of this file.
"""

import ctypes
import os
import stat
import struct

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # on every architecture
VERSION = 1  # a flag: CREATE_RULESET returns the version that the kernel has
BENEATH = 1  # a rule about a file, or a folder and all in it
NO_NEW_PRIVILEGES = 38  # an option of prctl, without which only root may go on

WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_FILE, MAKE_FILE, TRUNCATE = 1 << 5, 1 << 8, 1 << 14
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | REMOVE_FILE | MAKE_FILE | TRUNCATE
ON_FILES = READ_FILE | WRITE_FILE | TRUNCATE  # what a rule about one file may allow
KNOWN = {1: 13, 2: 14, 3: 15, 4: 15}  # version: how many rights it knows; then 16


def landlock(readable, writable):
    """Close all other files and folders, the network, and signals to other processes.

    Returns whether the kernel does so. Only this thread and those that it starts are
    restricted: call it before there are others. Versions before 6 leave signals open,
    versions before 4 the network.
    """
    version = offered()
    if version < 1:
        return False
    handled = (1 << KNOWN.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets and signals
    rules = struct.pack("=QQQ", handled, network, scopes)
    library = ctypes.CDLL(None)
    ruleset = system_call(library, CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return False
    for path in readable:
        allow(library, ruleset, path, READ)
    for path in writable:
        allow(library, ruleset, path, (READ | WRITE) & handled)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done = system_call(library, RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return done


def offered():
    """The version of Landlock that the kernel offers: 0 if it has none."""
    if not hasattr(os, "O_PATH"):  # not Linux
        return 0
    return max(0, system_call(ctypes.CDLL(None), CREATE_RULESET, None, 0, VERSION))


def allow(library, ruleset, path, rights):
    """Let the process use a file, or a folder and all in it, if it is there."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= ON_FILES
    rule = struct.pack("=Qi", rights, place)
    system_call(library, ADD_RULE, ruleset, BENEATH, rule, 0)
    os.close(place)


def system_call(library, number, *arguments):
    """Make a system call for which the C library has no function; -1 if it fails."""
    given = (ctypes.c_long(x) if type(x) is int else x for x in arguments)
    call = library.syscall
    call.restype = ctypes.c_long
    return call(ctypes.c_long(number), *given)
