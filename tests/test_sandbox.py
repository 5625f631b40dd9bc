"""Submissions that misbehave: a clear line, no harm, and no points for anybody else."""

import os
import pathlib
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import minimt
from minimt.course import grade, processes, sandbox, users
from minimt.course.assignment import solution
from minimt.course.calls import Call, Other, Raised, read, write
from minimt.course.steps import STEPS

REFERENCE = pathlib.Path(minimt.__file__).parent
WARM_UP = STEPS[0]
RIGHT = solution(WARM_UP)
X = np.arange(24.0).reshape(1, 2, 3, 4)
posix = pytest.mark.skipif(os.name != "posix", reason="needs process groups")


def run(text, seconds=5, calls=(Call("merge_heads", (X,)),), user=None, **options):
    """What comes of a submission of the warm-up."""
    files = {f"{WARM_UP.stem}.py": text.encode()}
    limits = sandbox.Limits(seconds, user)
    return sandbox.run(files, WARM_UP.stem, list(calls), limits, **options)


def returning(expression, before=""):
    return f"import numpy as np\n{before}\ndef merge_heads(x):\n    {expression}\n"


def test_a_right_submission_returns_its_arrays():
    outcome = run(RIGHT)
    assert outcome.trouble == outcome.printed == ""
    assert (outcome.results[0] == X.swapaxes(1, 2).reshape(1, 3, 8)).all()


USEFUL = """
    abc array bisect cmath collections concurrent.futures contextlib copy csv
    dataclasses datetime decimal doctest enum fractions functools hashlib heapq io
    itertools json logging math numbers operator pathlib pickle pprint queue random re
    secrets statistics string struct tempfile textwrap threading time timeit traceback
    types typing unittest uuid warnings weakref zlib numpy.fft numpy.lib.stride_tricks
    numpy.linalg numpy.ma numpy.polynomial numpy.random numpy.testing numpy.typing
"""


@pytest.mark.parametrize("module", USEFUL.split())
def test_a_step_may_import_what_is_useful(module):
    (result,) = run(returning(f"import {module}; return True")).results
    assert result is True


USES = {
    "a thread pool": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(abs, range(9))) == 36""",
    "files of its own": """
        import os, tempfile, pathlib
        np.savez_compressed('mine', x=x)
        with tempfile.TemporaryFile() as file:
            file.write(b'x')
        pathlib.Path(__file__).parent.joinpath('note').write_text('x')
        return bool((np.load('mine.npz')['x'] == x).all() and os.listdir())""",
    "checks": """
        np.testing.assert_allclose(x, x)
        import warnings, logging
        warnings.warn('look')
        logging.warning('look')
        return True""",
    "classes": """
        import dataclasses, typing, collections
        one = dataclasses.make_dataclass('One', ['a'], slots=True, frozen=True)
        two = collections.namedtuple('Two', 'b')
        return one(two(True)).a.b""",
    "numbers": """
        import random, decimal, datetime, time
        time.sleep(0.01)
        np.random.seed(0)
        datetime.datetime.now(), random.random(), decimal.Decimal(1) / 3
        return bool(np.linalg.svd(np.random.default_rng(0).normal(size=(9, 9)))[1][0])
        """,
}


@pytest.mark.parametrize("what", USES)
def test_a_step_may_use_what_is_useful(what):
    (result,) = run(
        returning(textwrap.dedent(USES[what]).replace("\n", "\n    "))
    ).results
    assert result is True


ENDINGS = {
    "infinite loop": ("while True: pass", "took longer than 1 s"),
    "os._exit": ("import os; os._exit(0)", "before it returned anything"),
    "endless print": ("while True: print('x' * 1000)", "printed more than 1 MB"),
    "abort": ("import os; os.abort()", "crashed (SIGABRT)"),
    "segfault": ("return np.array(Nowhere())", "crashed (SIGSEGV)"),
    "huge result": ("return np.zeros(1 << 24)", "cannot be read back"),
    "huge number": ("return 10**5000", "cannot be read back"),
    "a list in itself": ("y = []; y.append(y); return y", "cannot be read back"),
}


NOWHERE = """
class Nowhere:
    __array_interface__ = dict(data=(8, False), shape=(8,), typestr="|u1", version=3)
"""


@posix
@pytest.mark.parametrize("what", ENDINGS)
def test_an_end_without_results_is_told_in_a_line(what):
    expression, line = ENDINGS[what]
    text = returning(expression, before=NOWHERE)
    outcome = run(text, 1 if what == "infinite loop" else 10)
    assert outcome.results is None
    assert line in outcome.trouble and "\n" not in outcome.trouble


def test_a_signal_without_a_name_is_told_by_its_number():
    assert sandbox.ending(-40) == "crashed (signal 40)"


RAISING = {
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit"),
    "recursion": ("return merge_heads(x)", "RecursionError"),
    "huge allocation": ("return np.ones(1 << 40)", "MemoryError"),
    "memory in pieces": ("return [np.zeros(1 << 27) for _ in range(9)]", "MemoryError"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "unprintable error": (
        "raise type('E', (KeyError,), dict(__str__=lambda s: 1 / 0))",
        "KeyError",
    ),
    "reading by a path": (
        f"import io, pathlib; io.FileIO(pathlib.Path({str(REFERENCE)!r}) / 'gate.py')",
        "PermissionError",
    ),
    "reading by a folder": (
        f"import os; os.open('gate.py', 0, dir_fd=os.open({str(REFERENCE)!r}, 0))",
        "PermissionError",
    ),
    "writing by a path": (
        "import io, pathlib; io.FileIO(pathlib.Path('../minimt-was-here'), 'w')",
        "PermissionError",
    ),
    "a database": ("import sqlite3; sqlite3.connect('../minimt-was-here')", "Import"),
    "shared memory": ("open('/dev/shm/minimt-was-here', 'w')", "PermissionError"),
    "its limits": (
        "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "PermissionError",
    ),
    "rights": ("import os; os.chmod('.', 0)", "PermissionError"),
    "import of the reference": ("import minimt.attention", "ModuleNotFoundError"),
    "reading the reference": (
        f"return open({str(REFERENCE / 'attention.py')!r}).read()",
        "PermissionError",
    ),
    "another process": ("import subprocess; subprocess.run(['true'])", "Permission"),
    "a program": ("import os; os.posix_spawn('/bin/true', ['true'], {})", "Permission"),
    "fork": ("import os; os.fork()", "PermissionError"),
    "network": ("import socket; socket.socket()", "PermissionError"),
    "another hook": ("import sys; sys.addaudithook(print)", "RuntimeError"),
    "writing elsewhere": ("open('../minimt-was-here', 'w')", "PermissionError"),
    "removing": ("import os; os.remove('../step_warm_up.py')", "PermissionError"),
    "its parent": ("import os; open(f'/proc/{os.getppid()}/environ')", "Permission"),
}


@posix
@pytest.mark.parametrize("what", RAISING)
def test_what_is_raised_or_refused_is_a_result(what):
    expression, kind = RAISING[what]
    (result,) = run(returning(expression)).results or [None]
    if what == "another hook":  # a refused hook is silently not added
        assert not isinstance(result, Raised) or result.kind == kind
    else:
        assert isinstance(result, Raised) and result.kind.startswith(kind)
    assert not pathlib.Path("../minimt-was-here").exists()


ODD = {
    "equals everything": "return type('E', (), dict(__eq__=lambda *_: True))()",
    "an array that lies": "return x.view(type('A', (np.ndarray,), {}))",
    "objects": "return np.array([None, 1])",
    "a generator": "return (y for y in x)",
    "a long name": "return type('x' * 10**6, (), {})()",
}


@pytest.mark.parametrize("what", ODD)
def test_only_arrays_and_plain_values_come_back(what):
    (result,) = run(returning(ODD[what])).results
    assert isinstance(result, Other) and len(result.kind) < 200


IMPORTING = {
    "syntax error": ("def merge_heads(x:\n", "SyntaxError"),
    "import error": ("import numpi\n", "ModuleNotFoundError"),
    "not text": ("\x00\x01", "cannot be imported"),
    "exit at once": ("raise SystemExit\n", "SystemExit"),
}


@pytest.mark.parametrize("what", IMPORTING)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(what):
    text, line = IMPORTING[what]
    outcome = run(text)
    assert outcome.results is None and line in outcome.trouble


IMPORT = "from step_early import f\n"
WHERE = {  # an earlier file, the file itself, and what is said
    "syntax": ("x = 1\ndef f(:\n", IMPORT, "invalid syntax (step_early.py, line 2)"),
    "name": ("x = 1\n\ny", IMPORT, "'y' is not defined (step_early.py, line 3)"),
    "deeper": ("g = lambda: 1 / 0\n\ng()", IMPORT, "by zero (step_early.py, line 1)"),
    "its own": ("f = 1", f"{IMPORT}def (\n", "line 2: SyntaxError: invalid syntax"),
    "a text": ("f = 1", f"{IMPORT}exec('\\n\\n1 +')", "line 2: SyntaxError: invalid"),
}


@pytest.mark.parametrize("what", WHERE)
def test_what_cannot_be_imported_is_told_with_its_place(what):
    early, late, line = WHERE[what]
    files = {"step_early.py": early.encode(), "step_late.py": late.encode()}
    outcome = sandbox.run(files, "step_late", [], sandbox.Limits(5))
    assert outcome.trouble.startswith("cannot be imported: ")
    assert line in outcome.trouble


def test_a_thread_that_never_ends_is_left_behind():
    thread = (
        "import threading, time\nt = threading.Thread(target=time.sleep, args=[60])"
    )
    began = time.monotonic()
    outcome = run(returning("return x", before=thread + "\nt.start()"))
    assert (outcome.results[0] == X).all() and time.monotonic() - began < 5


def test_what_is_patched_stays_in_the_submission():
    patch = "np.allclose = np.array_equal = lambda *_: True\nnp.exp = np.zeros_like"
    run(returning("return x", before=patch))
    assert np.exp(0.0) == 1 and not np.allclose(1, 2)


def test_a_submission_that_writes_the_results_itself_gains_nothing():
    forged = '{"list": [{"tuple": [true, {"tuple": [true]}]}]}'
    outcome = run(returning(f"json({forged!r}); os._exit(0)", before=FORGE))
    assert outcome.results == [Raised("changed", "1")]  # no array, and no points


FORGED = {
    "no JSON": "json('[')",
    "no text": "open('result.json', 'wb').write(b'\\xff')",
    "nothing": "json('{}')",
    "no such array": "json('{\"array\": 3}')",
    "nested": "json('[[' * 5000)",
    "null": "json('null')",
    "half an error": 'json(\'{"raised": {"list": [1]}}\')',
    "a call": 'json(\'{"list": [{"call": {"list": []}}]}\')',
    "no arguments": 'json(\'{"list": [{"tuple": [1, {"tuple": []}]}]}\')',
    "an archive": "json('1'); np.savez(open('result.npy', 'wb'), x=x)",
    "a broken archive": "json('1'); open('result.npy', 'wb').write(b'PK\\x03\\x04')",
    "a giant": "json('1'); giant()",
}
FORGE = """
import os
def json(text, arrays=True):
    arrays and open('result.npy', 'w')
    open('result.json', 'w').write(text)
def giant():
    header = dict(descr='<f8', fortran_order=False, shape=(2**70,))
    np.lib.format.write_array_header_1_0(open('result.npy', 'wb'), header)
"""


@posix
@pytest.mark.parametrize("what", FORGED)
def test_forged_results_that_make_no_sense_are_told(what):
    outcome = run(returning(f"{FORGED[what]}; os._exit(0)", before=FORGE))
    assert outcome.results is None and outcome.trouble


def test_a_message_is_one_line_that_a_terminal_can_show():
    bad = "x\\n\\n9 of 9 points\\n\\x1b[8m\\ud800"
    (result,) = run(returning(f"raise ValueError('{bad}')")).results
    assert result == Raised("ValueError", "x  9 of 9 points  [8m ", 4)
    outcome = run(returning("print('\\x1b[8m'); return x"))
    assert "\x1b" not in outcome.printed


def test_forged_errors_are_read_as_text():
    raised = '{"raised": {"list": [{"array": 0}, "a\\nb", 3]}}'
    raised = f'{{"list": [{{"tuple": [{raised}, {{"tuple": []}}]}}]}}'
    forged = f"json({raised!r}); np.save(open('result.npy', 'wb'), x); os._exit(0)"
    (result,) = run(returning(forged, before=FORGE)).results
    assert type(result.kind) is str and result.message == "a b"


def test_a_named_tuple_is_a_tuple():
    before = "from collections import namedtuple\nP = namedtuple('P', 'a b')"
    (result,) = run(returning("return P(x, 1)", before=before)).results
    assert type(result) is tuple and result[1] == 1


@pytest.fixture
def nobody():
    """A user without rights, who can run this Python."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can run a case as another user")
    import pwd

    if users.refused(pwd.getpwnam("nobody")):
        pytest.skip("this Python is not to be run by others")
    assert run(RIGHT, user="nobody").results
    return "nobody"


def test_another_user_has_none_of_root_s_rights(nobody, tmp_path):
    """Neither its user nor its groups: what is closed to others is closed."""
    import pwd

    user = pwd.getpwnam(nobody)
    ids = "import os; users = [os.getuid(), os.geteuid()]; "
    ids += "return users, [os.getgid(), os.getegid(), *os.getgroups()]"
    ((users, groups),) = run(returning(ids), user=nobody).results
    assert set(users) == {user.pw_uid} and set(groups) == {user.pw_gid}
    secret = tmp_path / "secret"
    secret.write_text("4711")
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    secret.chmod(0o640)
    peek = f"import os; return os.access({str(secret)!r}, os.R_OK)"
    assert run(returning(peek)).results == [True]  # root may read it
    assert run(returning(peek), user=nobody).results == [False]


def test_another_user_cannot_kill_who_grades(nobody):
    """Python tells of no such signal, so that only the system can refuse it."""
    kill = "import os, signal\n    fd = os.pidfd_open(os.getppid())\n    "
    kill += "import _signal; return _signal.pidfd_send_signal(fd, 9)"
    (result,) = run(returning(kill), user=nobody).results
    assert result.kind == "PermissionError"


def test_pickles_are_not_read(tmp_path):
    write([X], tmp_path / "result")
    with open(tmp_path / "result.npy", "wb") as file:
        np.save(file, np.array([print]), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read(tmp_path / "result")


@posix
def test_pipes_are_not_read(tmp_path):
    for name in ("result.json", "result.npy"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match="not a regular file"):
        read(tmp_path / "result")


def test_files_that_were_not_asked_for_are_not_there(tmp_path):
    """conftest.py, sitecustomize.py, numpy.py: nothing but the steps is copied."""
    for name in ("conftest", "sitecustomize", "usercustomize", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "step_warm_up.py").write_text(RIGHT)
    verdicts = grade.grade(tmp_path, STEPS[:1])
    assert all(verdict.points == verdict.of for verdict in verdicts)


def test_a_step_that_misbehaves_costs_the_others_nothing(tmp_path):
    other = next(step for step in STEPS if step.name == "gradient")
    (tmp_path / f"{WARM_UP.stem}.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / f"{other.stem}.py").write_text(solution(other))
    verdicts = grade.grade(tmp_path, [WARM_UP, other])
    assert {v.points for v in verdicts if v.step == WARM_UP.name} == {0}
    assert all(v.points == v.of for v in verdicts if v.step == other.name)


@posix
def test_links_are_not_followed(tmp_path):
    (tmp_path / "elsewhere.py").write_text(RIGHT)
    (tmp_path / "step_warm_up.py").symlink_to(tmp_path / "elsewhere.py")
    assert grade.read(tmp_path)["step_warm_up"] is None


def test_the_process_of_a_submission_knows_nothing_of_minimt():
    code = "import sys; sys.path.append(sys.argv[1]); import child; "
    code += "assert not [name for name in sys.modules if 'minimt' in name]"
    command = [sys.executable, "-I", "-c", code, "."]
    subprocess.run(command, cwd=processes.HERE, check=True)
