"""python -m minimt: the course's commands do without torch, the others need it."""

import sys

COURSE = ("grade", "stubs", "notebooks", "nbgrader")


def main():
    """Hand the command line to those who know the command."""
    if sys.argv[1:2] and sys.argv[1] in COURSE:
        from .course.cli import main
    else:
        from .cli import main
    return main()


if __name__ == "__main__":
    sys.exit(main())
