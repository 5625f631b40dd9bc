"""python -m minimt: the course's commands do without torch, the others need it."""

import sys

from .course import COMMANDS


def main():
    """Hand the command line to those who know the command."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        from .course.cli import main
    else:
        try:
            from .console.cli import main
        except ModuleNotFoundError as error:
            need = f"all but {', '.join(COMMANDS)} need {error.name}"
            print(f"minimt: {need}: pip install -r requirements.txt", file=sys.stderr)
            return 2
    return main()


if __name__ == "__main__":
    sys.exit(main())
