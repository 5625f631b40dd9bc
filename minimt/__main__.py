"""python -m minimt: the course's commands do without torch, the others need it."""

import sys

from .course import COMMANDS


def main():
    """Hand the command line to those who know the command."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        from .course.cli import main
    else:
        try:
            from .cli import main
        except ModuleNotFoundError as error:
            course = ", ".join(COMMANDS)
            print(f"minimt: only {course} do without {error.name}", file=sys.stderr)
            print("pip install -r requirements.txt has all it needs", file=sys.stderr)
            return 2
    return main()


if __name__ == "__main__":
    sys.exit(main())
