"""What the grader asks for is stated, and what no reader can observe costs nothing."""

import numpy as np
import pytest

from minimt.course import hints, judge
from minimt.course.calls import perform
from minimt.course.grade import rng_of
from minimt.course.steps import STEPS

BY_NAME = {step.name: step for step in STEPS}


def faults(name, submission, seed=0):
    """The faults of a submission at a step, as {case: fault}."""
    step, found = BY_NAME[name], {}
    for case in step.cases:
        calls = case.calls(rng_of(seed, step, case))
        got, reference = perform(submission, calls), hints.expected(step, calls)
        found[case.name] = judge.fault(case, step, calls, got, reference)
    return {name: fault for name, fault in found.items() if fault}


class Namespace:
    """A submission: the reference's functions, some of them replaced."""

    def __init__(self, name, **replaced):
        vars(self).update(vars(hints.reference(BY_NAME[name])) | replaced)


def test_a_clear_may_also_zero_what_it_empties():
    from minimt.memory import Memory

    class Zeroing(Memory):
        def clear(self, starts):
            super().clear(starts)
            self.keys[starts] = self.values[starts] = 0

    assert not faults("memory", Namespace("memory", Memory=Zeroing))


@pytest.mark.parametrize("made", [np.array, np.asarray])
def test_a_write_copies_what_it_is_given(made):
    from minimt.memory import Memory

    class Keeping(Memory):
        def write(self, k, v):
            M = self.keys.shape[2]
            super().write(k, v)
            if k.shape[2] >= M and (self.written % M == 0).all():
                self.keys, self.values = (made(x[:, :, -M:]) for x in (k, v))

    wrong = faults("memory", Namespace("memory", Memory=Keeping))
    assert set(wrong) == ({"write_copies"} if made is np.asarray else set())


@pytest.mark.parametrize("name", ["argmax", "last"])
def test_equal_pivots_are_decided_alike_for_keys_and_queries(name):
    from minimt.lsh import LSH, draw_pivots

    class Last(LSH):
        def candidates(self, q, keys, valid):
            shared = np.zeros((len(q), len(keys)), bool)
            slots = np.flatnonzero(valid)
            for chosen in draw_pivots(slots, self.tables, self.cells, self.seed):
                cell = (keys @ keys[chosen].T).argmax(axis=-1)
                products = q @ keys[chosen].T
                if name == "last":
                    nearest = np.argsort(products)[:, ::-1][:, : self.probes]
                else:
                    nearest = np.argsort(-products, kind="stable")[:, : self.probes]
                shared |= (cell[None, :, None] == nearest[:, None]).any(axis=-1)
            return shared & valid

    wrong = faults("lsh", Namespace("lsh", LSH=Last))
    assert set(wrong) == ({"equal_pivots"} if name == "last" else set())


def test_without_any_target_the_loss_may_be_a_plain_zero():
    def loss(logits, targets):
        there = targets >= 0
        if not there.any():
            return 0
        return hints.reference(BY_NAME["model"]).loss(logits, targets)

    assert not faults("model", Namespace("model", loss=loss))


def test_the_cache_of_another_document_may_be_anything():
    model = hints.reference(BY_NAME["model"])

    def forward(params, config, tokens, state=None, starts=None):
        if state is not None and starts is not None:
            open_ = ~np.asarray(starts, bool)[:, None, None, None]
            caches = [tuple(x * open_ for x in pair) for pair in state.caches]
            state = model.State(state.age, caches, state.memory, state.retrieved)
        return model.forward(params, config, tokens, state, starts)

    assert not faults("model", Namespace("model", forward=forward))
