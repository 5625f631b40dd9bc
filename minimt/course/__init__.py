"""The course: steps with their cases and mistakes, and the grader that knows them."""

COMMANDS = dict(
    grade="Give points to the steps of the assignment, and say what is wrong first.",
    stubs="Write the assignment's files, with their bodies to be filled in.",
    notebooks="Execute the notebooks from clean kernels and keep what they show.",
    nbgrader="Write the assignment as notebooks of an nbgrader course.",
)
