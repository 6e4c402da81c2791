"""How often networks are run to time them, with a clock of its own."""

import statistics

import pytest

from kdsr.ui.restore.timing import LEAST, MOST, PATIENCE_S, SLOW_S, in_turn, is_still


class Machine:
    """Networks that take the given seconds, times what `slowdown` makes of the time of day."""

    def __init__(self, *lengths, slowdown=lambda now: 1.0):
        self.now, self.order, self.lengths, self.slowdown = 0.0, [], lengths, slowdown

    def work(self, index):
        took = self.lengths[index] * self.slowdown(self.now)
        self.now += took
        self.order.append(index)
        return took

    def timed(self):
        works = [lambda index=index: self.work(index) for index in range(len(self.lengths))]
        return in_turn(works, self.lengths, lambda took: took, clock=lambda: self.now)


def test_networks_take_turns_and_a_quiet_machine_needs_few():
    machine = Machine(0.4, 0.02)
    slow, quick = machine.timed()
    assert machine.order == [0, 1, 1, 1] * LEAST and (len(slow), len(quick)) == (LEAST, 3 * LEAST)


def test_a_machine_that_gets_slower_meanwhile_changes_both_alike():
    machine = Machine(0.2, 0.02, slowdown=lambda now: 1 + now / 2)
    slow, quick = machine.timed()
    assert statistics.median(slow) / statistics.median(quick) == pytest.approx(10, rel=0.1)


def test_unsteady_times_are_taken_longer_but_not_for_ever():
    machine = Machine(0.004, slowdown=lambda now: 1 + (now * 7919) % 2)
    (passes,) = machine.timed()
    assert 5 * LEAST < len(passes) <= 5 * MOST
    machine = Machine(0.5, 0.5, slowdown=lambda now: 1 + (now * 7919) % 2)
    machine.timed()
    assert machine.now < PATIENCE_S + 2 * 0.5 * 3


def test_a_slow_network_keeps_its_first_pass():
    machine = Machine(SLOW_S, 0.1)
    assert machine.timed() == [[SLOW_S], [0.1] * LEAST] and set(machine.order) == {1}
    assert Machine(SLOW_S).timed() == [[SLOW_S]] and in_turn([], [], float) == []


def test_a_median_stands_still_by_its_spread_and_count():
    assert is_still([1.0, 1.01, 1.02]) and not is_still([1.0, 1.5, 2.0])
    assert not is_still([1.0, 1.1, 1.2]) and is_still([1.0, 1.1, 1.2] * 30)
