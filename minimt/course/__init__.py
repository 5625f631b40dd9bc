"""The course: steps with their cases and mistakes, and the grader that knows them."""
