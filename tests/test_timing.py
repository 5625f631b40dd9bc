"""Timing: functions take turns, and ratios are of the same round."""

from minimt.benchmark import timing


def test_functions_take_turns_and_the_first_round_is_not_counted(monkeypatch):
    calls, now = [], [0.0]
    monkeypatch.setattr(timing, "clock", lambda: now[0])

    def case(name, seconds):
        def run():
            calls.append(name)
            now[0] += seconds * (10 if calls.count(name) == 1 else 1)

        return run

    seconds = timing.in_turns(dict(a=case("a", 1), b=case("b", 2)), repeats=3)
    assert calls == ["a", "b"] * 4
    assert seconds == dict(a=[1, 1, 1], b=[2, 2, 2])


def test_a_ratio_is_taken_round_by_round():
    seconds = dict(a=[1, 10, 2], b=[2, 20, 5])
    expected = dict(median=2, low=2, high=2.5)
    assert timing.ratio(seconds, "b", "a") == expected
    assert timing.ratio(seconds, "a", "a") == dict(median=1, low=1, high=1)
