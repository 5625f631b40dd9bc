"""The claim formation: what its table and its sentence make of given results."""

from dataclasses import asdict

import pytest

from minimt.reproduce.claims import formation
from minimt.reproduce.plan import full, quick

LATE = [dict(step=n, first=8.0, later=x) for n, x in ((0, 8), (50, 5), (90, 3))]
NEVER = [dict(step=n, first=8.0, later=7.0) for n in (0, 400)]


def result(primed, plain=None):
    """Results in which primed models form a lookup at these steps, one for a seed."""
    rows = []
    for init in formation.INITS:
        for stage in formation.STAGES:
            found = primed if (init, stage) == ("primed", "repeated chunks") else None
            found = plain if (init, stage) == ("primed", "plain text") else found
            at = found or [None] * len(primed)
            row = dict(init=init, stage=stage, formed=at, steps=[400] * len(primed))
            curve = LATE if any(at) else NEVER
            rows.append(row | dict(curve=curve, saves=[0.25] * len(primed)))
    return dict(rows=rows)


def test_the_sentence_says_within_how_many_steps_and_for_how_many_seeds():
    said = formation.verdict(result([60, None, 90]))
    assert "within 90 steps (2 of 3 seeds)" in said
    assert "on plain text none forms in 400" in said
    said = formation.verdict(result([60, 70], plain=[None, 300]))
    assert "on plain text, a primed one does by step 300" in said
    assert "No lookup forms" in formation.verdict(result([None, None]))


def test_the_table_gives_the_range_of_steps_or_says_never():
    rows = {row[0]: row[1:] for row in formation.rows(result([60, None, 90]))}
    assert rows["primed, repeated chunks"] == ("60–90 (2 of 3)", "0.250 ± 0.000 nats")
    assert rows["random, repeated chunks"][0] == "never in 400"
    (one,) = [x for x in formation.rows(result([60])) if "primed, rep" in x[0]]
    assert one[1] == "60 (1 of 1)"


def test_the_figure_has_a_line_for_each_training():
    for ax in formation.draw(result([60])).axes:
        lines = {line.get_label(): line for line in ax.lines}
        assert set(formation.INITS) <= set(lines)
        if ax.get_title(loc="left").endswith("repeated chunks"):
            first = lines["primed"]
            assert list(first.get_xdata()) == [50, 90]  # a log axis has no step 0
            assert list(first.get_ydata()) == [5 / 8, 3 / 8]


def test_a_training_that_was_watched_only_at_first_can_be_drawn():
    found = result([None])
    for row in found["rows"]:
        row["curve"] = row["curve"][:1]
    formation.draw(found).draw_without_rendering()


@pytest.mark.parametrize("plan", [quick(), full()], ids=["quick", "full"])
def test_what_is_trained_differs_in_one_thing(plan):
    repeated, plain = (
        formation.case_of(plan, "random", stage, 3) for stage in formation.STAGES
    )
    assert (repeated.kind, plain.kind) == ("repetition", "watched text")
    assert repeated.config == plain.config and plain.config.memory == 0
    assert repeated.training.repetition_steps == plain.training.steps
    assert plain.training.repetition_share == 0  # or it would not be plain
    primed = formation.case_of(plan, "primed", "plain text", 3)
    differ = {
        k for k, v in asdict(primed.config).items() if asdict(plain.config)[k] != v
    }
    assert differ == {"init"} and primed.training == plain.training
    after = plan.case(3, init="primed")
    assert after.before == plan.repetition(3, init="primed")
    assert after.before == plan.case(3, init="primed", memory=7).before
    assert after.training.repetition_share == plan.training.repetition_share > 0
    assert plan.case(3, repetition_share=0.5).training.repetition_share == 0.5
    written = plan.case(3, init="induction")
    assert written.before is None and written.training.repetition_share == 0
    long = formation.case_of(plan, "random", formation.LONG, 3)
    assert long.config == plain.config and long.training.steps == formation.LONG_STEPS
