"""Result files for two grading services, Gradescope and Classroom 50.

Each file is written twice: with zeros before the submission runs, so that there is a
result whatever happens, and with the points once they are known. Students may read the
files, so a private case has neither a name nor a text there, only a number.
"""

import os
from datetime import UTC, datetime

from ..files import write_json
from .report import by_step, total
from .steps import number

STOPPED = "The grader was stopped before it had finished."
AGAIN = "to repeat it with seed 0: python -m minimt grade FOLDER"


def rows(verdicts):
    """For every case: number, name, verdict, and what to tell the student."""
    for step, cases in by_step(verdicts):
        cases = [verdict for verdict in cases if verdict.of]
        for i, verdict in enumerate(cases, 1):
            name = "a private case" if verdict.private else verdict.case
            told = "passed" if not verdict.fault else ""
            if verdict.fault and not verdict.private:
                hint = f"hint: {verdict.hint}" if verdict.hint else ""
                again = f"{AGAIN} --step {step.name} --case {verdict.case}"
                told = "\n".join(filter(None, (verdict.fault, hint, again)))
            yield f"{number(step)}.{i}", f"{step.name}: {name}", verdict, told


def gradescope(path, verdicts, seconds=0.0, output=""):
    """Write results.json as Gradescope's autograder harness expects it."""
    points, of = total(verdicts)
    tests = [
        dict(
            number=place,
            name=name,
            score=verdict.points,
            max_score=verdict.of,
            status="failed" if verdict.fault else "passed",
            output=told,
        )
        for place, name, verdict, told in rows(verdicts)
    ]
    result = dict(
        score=points,
        output=output or f"{points} of {of} points",
        output_format="text",
        execution_time=round(seconds, 1),
        stdout_visibility="hidden",
    )
    write_json(path, result | dict(tests=tests))


def classroom50(path, verdicts, seconds=0.0, output=""):
    """Write result.json in the schema classroom50/result/v1.

    The environment of the runner says who submitted what, and where.
    """
    points, of = total(verdicts)
    commit = variable("COMMIT_URL")
    result = dict(
        schema="classroom50/result/v1",
        classroom=variable("CLASSROOM"),
        assignment=variable("ASSIGNMENT"),
        assignment_type=variable("ASSIGNMENT_TYPE", "individual"),
        owner=variable("OWNER", variable("USERNAME")),
        submission=variable("SUBMISSION_TAG", "submit/unknown"),
        commit=commit,
        release=variable("RELEASE_URL"),
        review=variable("REVIEW_URL", commit),
        datetime=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    tests = [
        {
            "test-name": f"{place} {name}",
            "passed": not verdict.fault,
            "score": verdict.points,
            "max-score": verdict.of,
            "output": output or told,
        }
        for place, name, verdict, told in rows(verdicts)
    ]
    write_json(path, result | {"score": points, "max-score": of, "tests": tests})


def variable(name, otherwise="unknown"):
    """An environment variable, or `otherwise` if it is not set or empty."""
    return os.environ.get(name) or otherwise
