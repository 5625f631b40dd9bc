"""seccomp: the Linux kernel refuses the system calls that no step needs.

It refuses to start processes, to send signals to others, to open connections, and to
change the owner, mode or times of a file, which Landlock does not cover. It asks for no
rights, and nothing lifts it from inside. The process of a submission imports a copy of
this file.
"""

import ctypes
import os
import struct
import sys

# Each with its number on x86-64 and on 64-bit ARM; "-" where there is none.
PROCESSES = """
fork 57 -, vfork 58 -, execve 59 221, execveat 322 281, ptrace 101 117, kcmp 312 272,
process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440,
pidfd_open 434 434, pidfd_send_signal 424 424, pidfd_getfd 438 438, tkill 200 130,
rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, setsid 112 157, setpgid 109 154,
setpriority 141 140, ioprio_set 251 30, sched_setaffinity 203 122,
sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274,
migrate_pages 256 238, move_pages 279 239
"""
CONNECTIONS = """
socket 41 198, socketpair 53 199, connect 42 203, bind 49 200, shmget 29 194,
shmat 30 196, msgget 68 186, semget 64 190, mq_open 240 180, mq_unlink 241 181,
memfd_create 319 279, memfd_secret 447 447, io_uring_setup 425 425,
io_uring_enter 426 426, io_uring_register 427 427
"""
FILES = """
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55,
lchown 94 -, fchownat 260 54, utime 132 -, utimes 235 -, utimensat 280 88,
futimesat 261 -, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14,
lremovexattr 198 15, fremovexattr 199 16, mknod 133 -, mknodat 259 33, truncate 76 45,
chroot 161 51, mount 165 40, umount2 166 39, pivot_root 155 41, move_mount 429 429,
open_tree 428 428, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433,
mount_setattr 442 442, open_by_handle_at 304 265, fanotify_init 300 262
"""
MACHINE = """
setns 308 268, unshare 272 97, bpf 321 280, perf_event_open 298 241,
userfaultfd 323 282, add_key 248 217, request_key 249 218, keyctl 250 219,
kexec_load 246 104, kexec_file_load 320 294, init_module 175 105,
finit_module 313 273, delete_module 176 106, reboot 169 142, swapon 167 224,
swapoff 168 225, acct 163 89, quotactl 179 60, quotactl_fd 443 443, syslog 103 116,
sethostname 170 161, setdomainname 171 162, settimeofday 164 170,
clock_settime 227 112, clock_adjtime 305 266, adjtimex 159 171, iopl 172 -,
ioperm 173 -, setrlimit 160 164, personality 135 92, vhangup 153 58, setuid 105 146,
setgid 106 144,
setreuid 113 145, setregid 114 143, setresuid 117 147, setresgid 119 149,
setgroups 116 159, setfsuid 122 151, setfsgid 123 152, capset 126 91
"""
REFUSED = ",".join((PROCESSES, CONNECTIONS, FILES, MACHINE))
OF_ITS_OWN = "kill 62 129, tgkill 234 131"  # the first argument: itself, or its group
READ_ONLY = "prlimit64 302 261"  # the third argument, the new limit, must be absent
THREADS = "clone 56 220"  # with the flag CLONE_THREAD in its first argument
UNKNOWN = "clone3 435 435"  # its flags cannot be seen; the C library then uses clone
LAST = 462  # of the system calls in Linux 6.10, from which the lists above are chosen

ARCHITECTURES = dict(x86_64=(0, 0xC000003E), aarch64=(1, 0xC00000B7))
LOAD, EQUAL, AT_LEAST, ANY_OF, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF's codes
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, (16, 24, 32)  # where a filter finds them
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NOT_PERMITTED, NO_SUCH_CALL = ERROR | 1, ERROR | 38
CLONE_THREAD = 0x10000
SET_SECCOMP, FILTER, NO_NEW_PRIVILEGES = 22, 2, 38  # options of prctl


def seccomp():
    """Refuse these calls from now on; returns whether the kernel does so."""
    if not offered():
        return False
    steps = program(os.uname().machine, os.getpid())
    code = ctypes.create_string_buffer(b"".join(steps))
    filtered = struct.pack("@HP", len(steps), ctypes.addressof(code))
    prctl = ctypes.CDLL(None).prctl
    prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return prctl(SET_SECCOMP, FILTER, filtered, 0, 0) == 0


def offered():
    """Whether the kernel has filters, for an architecture whose numbers are known."""
    if not hasattr(os, "O_PATH") or sys.maxsize < 1 << 32:  # not Linux, or 32 bits
        return False
    known = os.uname().machine in ARCHITECTURES
    return known and os.path.exists("/proc/sys/kernel/seccomp/actions_avail")


def program(machine, process):
    """The filter, in the kernel's language for packet filters: a list of steps."""
    column, architecture = ARCHITECTURES[machine]
    steps = [step(LOAD, ARCHITECTURE), step(EQUAL, architecture, 1, 0)]
    steps += [step(RETURN, KILL), step(LOAD, NUMBER)]
    steps += [step(AT_LEAST, LAST + 1, 0, 1), step(RETURN, NO_SUCH_CALL)]
    for number in numbers(UNKNOWN, column):
        steps += [step(EQUAL, number, 0, 1), step(RETURN, NO_SUCH_CALL)]
    for number in numbers(REFUSED, column):
        steps += [step(EQUAL, number, 0, 1), step(RETURN, NOT_PERMITTED)]
    for number in numbers(OF_ITS_OWN, column):
        steps += [step(EQUAL, number, 0, 5), step(LOAD, ARGUMENTS[0])]
        steps += [step(EQUAL, 0, 2, 0), step(EQUAL, process, 1, 0)]
        steps += [step(RETURN, NOT_PERMITTED), step(RETURN, ALLOW)]
    for number in numbers(READ_ONLY, column):
        steps += [step(EQUAL, number, 0, 6), step(LOAD, ARGUMENTS[2])]
        steps += [step(EQUAL, 0, 0, 3), step(LOAD, ARGUMENTS[2] + 4)]
        steps += [step(EQUAL, 0, 0, 1), step(RETURN, ALLOW)]
        steps += [step(RETURN, NOT_PERMITTED)]
    for number in numbers(THREADS, column):
        steps += [step(EQUAL, number, 0, 4), step(LOAD, ARGUMENTS[0])]
        steps += [step(ANY_OF, CLONE_THREAD, 1, 0), step(RETURN, NOT_PERMITTED)]
        steps += [step(RETURN, ALLOW)]
    return [*steps, step(RETURN, ALLOW)]


def step(code, value, if_so=0, otherwise=0):
    """One step of a filter: how many steps to leave out if it holds, and if not."""
    return struct.pack("=HBBI", code, if_so, otherwise, value)


def numbers(table, column):
    """The numbers of these system calls on one architecture."""
    rows = [row.split()[1:] for row in table.split(",")]
    return [int(row[column]) for row in rows if row[column] != "-"]
