"""What each extra of the package installs, and a message that names a missing one.

Modules are looked for, not imported. So a command that runs for minutes says at once
what it will need at its end, and an import error of our own never looks like this one.
"""

from importlib.util import find_spec

BASE = ("numpy", "tqdm")
TORCH = (*BASE, "torch", "tokenizers", "matplotlib")
NOTEBOOKS = (*TORCH, "nbclient", "nbformat", "ipykernel", "sklearn")
MODULES = {"": BASE, "torch": TORCH, "notebooks": NOTEBOOKS}  # {name of extra: modules}


def missing(command, extra=""):
    """What to install before the command can run, in one line; "" if it can run now."""
    names = [name for name in MODULES[extra] if find_spec(name) is None]
    if not names:
        return ""
    package = f'"minimt[{extra}]"' if extra else " ".join(BASE)
    advice = f"pip install {package}, or in a checkout pip install -r requirements.txt"
    return f"{command} needs {', '.join(names)}: {advice}"
