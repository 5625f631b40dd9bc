"""The course: its steps with their cases and known mistakes, and the grader."""

COMMANDS = dict(
    grade="Grade the steps of the assignment and show the first fault of each.",
    stubs="Write the files of the assignment, without the bodies that students write.",
    notebooks="Execute the notebooks in fresh kernels and store their output.",
    nbgrader="Write the assignment as the notebooks of an nbgrader course.",
)
