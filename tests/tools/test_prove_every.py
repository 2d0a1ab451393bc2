"""Every single fault at every step of one tap.

Replay one: pointwire prove-every --fault "power@2139789"
"""

import pytest

from simulator.flash import MODES
from tools.prove import every
from tools.prove.every import Fault

PARTS = 8
EACH = 5  # of the faults around a void and around an online message; `prove-every` tries all
# a fault, and what the event log calls it when it has happened
HAPPENS = {"outbox full": "full_outbox", "key revoked": "revoked", "card blocked": "card",
           "held and judged": "verdict", "flash put back": "flash_put_back",
           "garbled": "garbage", "clock wrong": "clock_wrong", "clock reset": "clock_reset",
           "poisoned": "requeue", "up a month late": "up_a_month_late", "trace planted": "planted"}


@pytest.fixture(scope="module")
def watched():
    return every.watch()


def test_the_calm_run_is_calm():
    assert every.run(()).findings == ()


@pytest.mark.parametrize("kind", HAPPENS)
def test_a_fault_that_is_named_happens(watched, kind):
    runs = [every.run((fault,)) for fault in every.singles(watched) if fault.kind == kind]
    assert all(verdict.good for verdict in runs)
    assert any(verdict.counts.get(HAPPENS[kind]) for verdict in runs)


@pytest.mark.parametrize(("kind", "without"), [
    ("up late", ()), ("up twice", ()), ("up a month late", (Fault("down a month late", 1),))])
def test_a_copy_that_comes_late_comes(kind, without):
    assert every.run((Fault(kind, 2),)).frames == every.run(without).frames + 1


@pytest.mark.parametrize("tap", [every.VOID, every.ONLINE])
def test_the_tap_under_test_is_that_tap(tap):
    counts = every.run((Fault("up lost", 1, tap),)).counts
    assert counts["voids"] == 2 and counts.get("online", 0) == (2 if tap == every.ONLINE else 0)


def test_every_step_has_every_fault(watched):
    found = every.singles(watched)
    assert len(found) == len(set(found)) >= 600
    kinds = {fault.kind for fault in found}
    assert kinds >= {*every.INSTANT_KINDS, *(f"flash, {torn}" for torn in MODES), "server power",
                     "statement fails", "commit in doubt", "heap, tap", "heap, reply",
                     "up lost", "down lost", "killed before commit", "killed before replies"}


def broken(faults):
    """What becomes of each that breaks the promise."""
    return "\n".join(f"{fault}: {verdict.findings[0]}" for fault in faults
                     if not (verdict := every.run((fault,))).good)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_single_fault_breaks_the_promise(watched, part):
    assert not broken(every.singles(watched)[part::PARTS])


@pytest.mark.parametrize("tap", [every.VOID, every.ONLINE])
def test_no_single_fault_around_a_void_breaks_the_promise(tap):
    assert not broken(every.singles(every.watch(tap))[::EACH])


def test_some_pairs_hold_too(watched):
    """All of them take hours: make prove-pairs."""
    pairs = list(every.pairs(watched))
    assert len(pairs) > 50_000
    chosen = pairs[97::len(pairs) // 60]
    failed = [tuple(map(str, pair)) for pair in chosen if not every.run(pair).good]
    assert not failed


def test_pairs_and_those_that_are_none_are_all_there_are(watched):
    count = len(every.singles(watched, every.HEAP_STEP_OF_PAIRS))
    tried = sum(1 for _ in every.pairs(watched))
    assert tried + every.not_paired(watched) == count * (count - 1) // 2


def test_two_cuts_of_one_flash_are_no_pair(watched):
    for one, other in every.pairs(watched):
        assert not (one.kind.startswith("flash") and other.kind.startswith("flash"))


def happened(case):
    return [name for fault in case
            if every.run(case).counts.get(name := fault.kind.replace(" ", "_"))]


@pytest.mark.parametrize("first", every.PUBLICATION_KINDS)
def test_two_fates_of_one_frame_are_a_pair_where_both_happen(first):
    for second in every.PUBLICATION_KINDS:
        case = every.Fault(f"up {first}", 1), every.Fault(f"up {second}", 1)
        if first != second:
            assert (len(happened(case)) == 2) is not every.shuts_out(*case), case


def test_of_two_kills_in_one_batch_only_one_happens_and_they_are_no_pair(watched):
    one, other = every.Fault("killed before commit", 1), every.Fault("killed after commit", 1)
    found = every.run((one, other)).counts
    assert (found.get("before_commit"), found.get("after_commit")) == (1, None)
    assert every.shuts_out(one, other) and not every.shuts_out(one, other._replace(place=2))


def test_a_frame_that_comes_late_twice_comes_at_both_times():
    late = [every.Fault("up late", 1), every.Fault("up overtaken", 1)]
    world, come = every.World(every.SEED, every.CALM), []
    try:
        scripted = every.Scripted(world, late)
        scripted._pass("up", b"frame", come.append)
        assert come == []
        scripted.relief()
    finally:
        world.close()
    assert come == [b"frame", b"frame"]


def test_a_fault_that_does_harm_is_reported(watched, monkeypatch):
    """A terminal that forgets on PUBACK: the lost frame is noticed."""
    from firmware.link import Link

    def forget(self, packet_id, now):
        for slot in list(self.window):
            if slot.packet_id == packet_id:
                self.settled(slot.key)

    monkeypatch.setattr(Link, "acked", forget)
    assert any(not every.run((Fault("up lost", number),)).good
               for number in range(1, watched.up + 1))
