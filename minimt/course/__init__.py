"""The course: steps with their cases and mistakes, and the grader that knows them."""

COMMANDS = dict(
    grade="Grade the steps of the assignment, and show the first fault of each.",
    stubs="Write the assignment's files, with their bodies to be filled in.",
    notebooks="Execute the notebooks from clean kernels and keep what they show.",
    nbgrader="Write the assignment as notebooks of an nbgrader course.",
)
