"""Another user for submissions: must exist, and be able to run this Python."""

import os
import pathlib
import subprocess
import sys
import tempfile

from ..errors import InputError
from .processes import LIBRARIES

TRIAL = """
import os, sys
libraries, temporary = sys.argv[1:]
os.stat(os.path.join(temporary, "."))
sys.path.append(libraries)
import numpy
"""


def check_user(name):
    """InputError unless submissions can run as this user."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise InputError("only root can use --user: leave it out")
    import pwd  # Windows does not have it

    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise InputError(f"user {name} does not exist") from None
    if why := refused(user):
        raise InputError(f"user {name} cannot run {sys.executable}: {why}")


def refused(user):
    """Why a user cannot run this Python with NumPy; "" if it can."""
    identity = dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    temporary = tempfile.gettempdir()
    command = [sys.executable, "-I", "-c", TRIAL, str(LIBRARIES), temporary]
    try:
        done = subprocess.run(command, capture_output=True, text=True, **identity)
    except OSError as error:
        said = error.strerror
    else:
        if not done.returncode:
            return ""
        said = done.stderr.strip().rpartition("\n")[2]
    if folder := closed_folder(sys.executable, sys.base_prefix, LIBRARIES):
        why = (
            f"Python or NumPy is installed in {folder}, which is closed to other users"
        )
        return f"{why}: install both elsewhere, such as in /opt"
    if folder := closed_folder(temporary):
        return f"{folder} is closed to other users: set TMPDIR to another folder"
    return said


def closed_folder(*paths):
    """The first folder on the way to these paths that not everybody may enter."""
    for path in map(pathlib.Path, paths):
        for way in (path.absolute(), path.resolve()):
            for folder in (*reversed(way.parents), way):
                if folder.is_dir() and not folder.stat().st_mode & 0o001:
                    return folder
    return None
