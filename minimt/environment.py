"""What a result may depend on besides its command: the versions and the machine."""

import os
import platform
from importlib import metadata

from . import __version__


def versions():
    """The versions of minimt, Python and the packages a result may depend on."""
    packages = {
        name: metadata.version(name) for name in ("numpy", "torch", "tokenizers")
    }
    return dict(minimt=__version__, python=platform.python_version()) | packages


def machine():
    """The kind of machine, in a few words."""
    import torch  # here, since `versions` does without it

    from . import distributed

    return dict(
        system=platform.system(),
        processor=platform.machine(),
        cores=os.cpu_count(),
        processes=distributed.size(),
        threads=torch.get_num_threads(),
        accelerator=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    )
