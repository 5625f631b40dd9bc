"""Hostile submissions, each the body of a function.

A body may use SECRET, a file that is none of its business; OUTSIDE, a folder that it
should not write to, with a file `mine`; and the helpers in BEFORE.
"""

BEFORE = """
import os, sys, time
import numpy as np

SECRET, OUTSIDE, SIBLING = {secret!r}, {outside!r}, {sibling!r}
MINE = OUTSIDE + "/mine"

def text(data):
    return bytes(data).decode("utf-8", "replace")

def stay():
    "A process of its own, which does not want to end."
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    time.sleep(0.1)

def merge_heads(x):
"""

READING = {
    "open": "return open(SECRET).read()",
    "bytes": "return open(SECRET.encode()).read()",
    "os.open": "return text(os.read(os.open(SECRET, os.O_RDONLY), 999))",
    "FileIO": "import io; return text(io.FileIO(SECRET).read())",
    "codecs": "import codecs; return codecs.open(SECRET).read()",
    "pathlib": "import pathlib; return pathlib.Path(SECRET).read_text()",
    "upwards": "return open('../' + os.path.relpath(SECRET, '..')).read()",
    "from a library": "return open(np.__path__[0] + '/../' * 20 + SECRET).read()",
    "a changing path": """
        import io, pathlib
        class Path(os.PathLike):
            asked = 0
            def __fspath__(self):
                self.asked += 1
                return SECRET if self.asked == 1 else 'step_warm_up.py'
        return text(io.FileIO(Path()).read())""",
    "a string that lies": """
        class Path(str):
            startswith = lambda *_: True
            replace = lambda self, *_: 'step_warm_up.py'
        return open(Path(SECRET)).read()""",
    "relative to a folder": """
        folder = os.open('/', os.O_RDONLY)
        return text(os.read(os.open(SECRET[1:], 0, dir_fd=folder), 999))""",
    "os.sendfile": """
        there = os.open(SECRET, os.O_RDONLY)
        os.sendfile(1, there, 0, 999)""",
    "np.fromfile": "return text(np.fromfile(SECRET, np.uint8))",
    "np.loadtxt": "return str(np.loadtxt(SECRET, str))",
    "np.genfromtxt": "return str(np.genfromtxt(SECRET, str))",
    "np.memmap": "return text(np.memmap(SECRET, np.uint8, 'r'))",
    "mmap": """
        import mmap
        there = os.open(SECRET, os.O_RDONLY)
        return text(mmap.mmap(there, 0, access=mmap.ACCESS_READ)[:])""",
    "readline": """
        import readline
        readline.read_history_file(SECRET)
        return readline.get_history_item(1)""",
    "linecache": "import linecache; return ''.join(linecache.getlines(SECRET))",
    "a loader": """
        from importlib.machinery import SourceFileLoader
        return text(SourceFileLoader('x', SECRET).get_data(SECRET))""",
    "a copy": "import shutil; shutil.copy(SECRET, 'copy'); return open('copy').read()",
    "a symbolic link": "os.symlink(SECRET, 'link'); return open('link').read()",
    "a hard link": "os.link(SECRET, 'link'); return open('link').read()",
    "moved here": "os.rename(SECRET, 'here'); return open('here').read()",
    "from the root": "return open('/proc/self/root' + SECRET).read()",
    "from its parent": "return open(f'/proc/{os.getppid()}/root{SECRET}').read()",
    "another case": "return open(SIBLING).read()",
    "cat": "import subprocess; return text(subprocess.check_output(['cat', SECRET]))",
    "os.popen": "return os.popen(f'cat {SECRET}').read()",
    "os.system": "os.system(f'cat {SECRET}')",
    "os.execv": "os.execv('/bin/cat', ['cat', SECRET])",
    "os.posix_spawn": """
        os.waitpid(os.posix_spawn('/bin/cat', ['cat', SECRET], {}), 0)""",
    "_posixsubprocess": """
        import subprocess, _posixsubprocess
        subprocess._USE_POSIX_SPAWN = subprocess._USE_VFORK = False
        return text(subprocess.check_output(['cat', SECRET]))""",
    "multiprocessing": """
        import multiprocessing
        with multiprocessing.Pool(1) as pool:
            return pool.map(len, [SECRET])[0] and open(SECRET).read()""",
    "ctypes": """
        import ctypes
        library, data = ctypes.CDLL(None), ctypes.create_string_buffer(999)
        library.read(library.open(SECRET.encode(), 0), data, 999)
        return text(data)""",
    "NumPy's ctypes": """
        ctypes = np._core._internal.ctypes
        library, data = ctypes.CDLL(None), ctypes.create_string_buffer(999)
        library.read(library.open(SECRET.encode(), 0), data, 999)
        return text(data)""",
    "a thread": """
        import threading
        got = []
        one = threading.Thread(target=lambda: got.append(open(SECRET).read()))
        one.start(); one.join()
        return got[0]""",
}

AGAINST_THE_HOOK = {  # then the secret is simply opened
    "names are emptied": """
        import __main__, guard, calls
        for module in (__main__, guard):
            for name, value in list(vars(module).items()):
                if type(value) in (tuple, frozenset):
                    setattr(module, name, type(value)())
        guard.EVENTS = guard.PATHS = guard.DEVICES = ()""",
    "the hooks' source is replaced": """
        import guard
        harmless = lambda *args, **options: None
        for name in ('paths_hook', 'events_hook', 'imports_hook'):
            getattr(guard, name).__code__ = harmless.__code__
            getattr(guard, name).__kwdefaults__.clear()""",
    "cells by the collector": """
        import gc
        for thing in gc.get_objects():
            if type(thing).__name__ == 'function' and thing.__kwdefaults__:
                if 'readable' in thing.__kwdefaults__:
                    thing.__kwdefaults__.update(readable=('/',), here='/')""",
    "referrers": """
        import gc, guard
        for thing in gc.get_referrers(guard.paths_hook.__code__):
            if hasattr(thing, '__kwdefaults__'):
                thing.__kwdefaults__.update(readable=('/',), here='/')""",
    "the frame of a traceback": """
        try:
            open(SECRET)
        except PermissionError as error:
            place = error.__traceback__
            while place:
                names = place.tb_frame.f_locals
                for name in ('readable', 'here'):
                    if name in names:
                        names[name] = ('/',) if name == 'readable' else '/'
                place.tb_frame.f_globals['__builtins__'] = {'type': None}
                place = place.tb_next""",
    "patched modules": """
        import builtins, posixpath
        for name in ('realpath', 'abspath', 'isabs', 'normpath', 'join'):
            setattr(posixpath, name, lambda *_: 'step_warm_up.py')
        os.fsdecode = os.fspath = os.lstat = os.readlink = lambda *_: 'step_warm_up.py'
        builtins.isinstance = builtins.any = builtins.type = lambda *_: False""",
    "a trace": """
        def trace(frame, *_):
            if 'readable' in frame.f_locals:
                frame.f_locals.update(readable=('/',), here='/')
            return trace
        trace.__cantrace__ = True
        sys.settrace(trace)""",
    "other threads' frames": """
        import threading
        def change():
            while True:
                for frame in sys._current_frames().values():
                    if 'readable' in frame.f_locals:
                        frame.f_locals.update(readable=('/',), here='/')
        threading.Thread(target=change, daemon=True).start()""",
    "garbage": """
        import gc
        class Garbage:
            def __init__(self):
                self.own = self
            def __del__(self):
                frame = sys._getframe(1)
                if 'readable' in frame.f_locals:
                    frame.f_locals.update(readable=('/',), here='/')
        gc.set_threshold(1)
        some = [Garbage() for _ in range(999)]
        del some""",
    "a signal": """
        import signal
        def change(number, frame):
            if 'readable' in frame.f_locals:
                frame.f_locals.update(readable=('/',), here='/')
        signal.signal(signal.SIGALRM, change)
        signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)""",
    "another hook": "sys.addaudithook(print)",
    "hooks are cleared": "import _testcapi; _testcapi._clear_audit_hooks()",
    "modules made anew": """
        import importlib.machinery, importlib.util, _imp
        spec = importlib.machinery.BuiltinImporter.find_spec('_posixsubprocess')
        spec = spec or importlib.machinery.BuiltinImporter.find_spec('_signal')
        _imp.create_builtin(spec)""",
    "an interpreter in the interpreter": """
        import _xxsubinterpreters as some
        some.run_string(some.create(), f'print(open({SECRET!r}).read())')""",
    "its own library": """
        import _json
        open('readline.so', 'wb').write(open(_json.__file__, 'rb').read())
        from importlib.machinery import ExtensionFileLoader, ModuleSpec
        import _imp
        place = os.getcwd() + '/readline.so'
        _imp.create_dynamic(ModuleSpec('_json', None, origin=place))""",
}

OVERWRITTEN_HOOK = """
import guard
def at(address, size):
    class Place:
        __array_interface__ = dict(
            data=(address, False), shape=(size,), typestr="|u1", version=3
        )
    return np.asarray(Place())
code = np.frombuffer((lambda: None).__code__.co_code, np.uint8)
for hook in (guard.paths_hook, guard.imports_hook, guard.events_hook):
    hook = hook.__code__
    at(id(hook) + type(hook).__basicsize__, len(code))[:] = code
"""

WRITING = {
    "open": "open(OUTSIDE + '/new', 'w').write('x')",
    "appending": "open(MINE, 'a').write('x')",
    "reading and writing": "open(MINE, 'r+').write('x')",
    "os.open": "os.open(OUTSIDE + '/new', os.O_CREAT | os.O_WRONLY)",
    "np.save": "np.save(OUTSIDE + '/new', x)",
    "np.memmap": "np.memmap(MINE, np.uint8, 'r+')[:] = 0",
    "tofile": "x.tofile(OUTSIDE + '/new')",
    "readline": "import readline; readline.write_history_file(MINE)",
    "os.mkfifo": "os.mkfifo(OUTSIDE + '/new')",
    "os.mknod": "os.mknod(OUTSIDE + '/new')",
    "os.mkdir": "os.mkdir(OUTSIDE + '/new')",
    "os.utime": "os.utime(MINE, (0, 0))",
    "os.chmod": "os.chmod(MINE, 0)",
    "os.chown": "os.chown(MINE, 1, 1)",
    "os.truncate": "os.truncate(MINE, 0)",
    "os.remove": "os.remove(MINE)",
    "os.rename": "os.rename('step_warm_up.py', OUTSIDE + '/new')",
    "os.link": "os.link('step_warm_up.py', OUTSIDE + '/new')",
    "os.symlink": "os.symlink('step_warm_up.py', OUTSIDE + '/new')",
    "os.setxattr": "os.setxattr(MINE, 'user.x', b'x')",
    "chdir": "os.chdir(OUTSIDE); open('new', 'w')",
    "shutil": "import shutil; shutil.rmtree(OUTSIDE)",
    "tempfile": "import tempfile; tempfile.mkstemp(dir=OUTSIDE)",
    "logging": "import logging; logging.FileHandler(OUTSIDE + '/new')",
    "dbm": "import dbm; dbm.open(OUTSIDE + '/new', 'c')",
    "sqlite3": """
        import sqlite3
        sqlite3.connect(OUTSIDE + '/new').execute('create table x(y)')""",
    "touch": "import subprocess; subprocess.run(['touch', OUTSIDE + '/new'])",
    "a program": """
        command = ['touch', OUTSIDE + '/new']
        os.waitpid(os.posix_spawn('/bin/touch', command, {}), 0)""",
}

OUTLIVING = {
    "os.fork": "stay()",
    "twice": "os.fork() or stay()",
    "nohup": "os.system('setsid nohup sleep 60 &')",
    "os.posix_spawn": "os.posix_spawn('/bin/sleep', ['sleep', '60'], {}, setsid=True)",
    "subprocess": """
        import subprocess
        subprocess.Popen(['sleep', '60'], start_new_session=True)""",
    "multiprocessing": """
        import multiprocessing
        one = multiprocessing.get_context('fork').Process(target=stay)
        one.start(); one.join()""",
    "from the C library": """
        import ctypes
        if ctypes.CDLL(None).fork() == 0:
            os.setsid()
            time.sleep(60)""",
}

DISTURBING = {  # each succeeds only if it returns
    "a signal to the grader": "os.kill(os.getppid(), 0)",
    "a signal to all": "os.killpg(os.getpgid(os.getppid()), 0)",
    "a descriptor of the grader": """
        import signal
        signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)""",
    "the grader's memory": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "the grader's arguments": "open(f'/proc/{os.getppid()}/cmdline').read()",
    "the grader's environment": "open(f'/proc/{os.getppid()}/environ').read()",
    "its priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "its cores": "os.sched_setaffinity(os.getppid(), {0})",
    "its limits": """
        import resource
        resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1 << 10, 1 << 10))""",
    "limits of its own": """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))""",
    "a connection": """
        import socket
        socket.socket(type=socket.SOCK_DGRAM).connect(('127.0.0.1', 9))""",
    "a server": "import socket; socket.create_server(('127.0.0.1', 0))",
    "shared memory": """
        from multiprocessing import shared_memory
        shared_memory.SharedMemory('minimt', create=True, size=8).unlink()""",
}

SCORING = {  # a wrong submission that wants to look right
    "in place, unchecked": """
        import calls
        calls.changed = calls.checked = calls.unchanged = lambda *_: False
        x[:] = 0
        return x""",
    "equal to all": """
        class Equal(np.ndarray):
            __eq__ = __ne__ = lambda *_: True
        return x.view(Equal)""",
    "patched NumPy": """
        np.array_equal = np.allclose = np.isclose = lambda *_, **__: True
        return x * 0""",
    "a written result": """
        import calls
        calls.write([(x * 0, (x,))], 'result')
        os._exit(0)""",
    "another writer": """
        import __main__
        __main__.write = lambda *_: None
        return x * 0""",
    "no result at all": "os._exit(0)",
    "the reference": "import minimt.attention as right; return right.merge_heads(x)",
    "the reference's text": """
        names = {}
        exec(open(SECRET).read(), names)
        return names['merge_heads'](x)""",
    "the calls of the grader": """
        frame = sys._getframe()
        while frame:
            frame.f_locals.update(calls=[], made=[])
            frame = frame.f_back
        return x * 0""",
}
