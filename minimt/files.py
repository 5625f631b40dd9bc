"""Writing files whole: no reader ever sees half of one, not even after a crash."""

import json
import os
import pathlib


def replace_file(path, content):
    """Write bytes to a temporary name beside `path`, then rename it into place."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, content):
    """Write a JSON file that people can read, too."""
    replace_file(path, json.dumps(content, indent=2).encode())
