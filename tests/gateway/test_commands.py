"""The form of HQ's commands: what each kind takes and names."""

import pytest

from gateway.commands import KINDS, CommandError, Proposal, well_formed

GOOD = {
    "grant": {"points": 5}, "compensation": {"points": 5}, "penalty": {"points": 5},
    "correction": {"points": -5, "receipt": 3}, "write_off": {},
    "extension": {"lot_id": 4, "ends_on": 21000}, "release": {"lot_id": 4},
    "forfeit": {"lot_id": 4}, "refund": {"receipt": 3}}


def proposal(kind: str, **fields) -> Proposal:
    blank = Proposal(0, kind, 1, 0, 0, "fault", 0, 0, 0, 0, 0, "Lin", "the till was down")
    return blank._replace(**{**GOOD.get(kind, {}), **fields})


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_taken_with_what_it_needs_and_no_more(kind):
    assert well_formed(proposal(kind)) == proposal(kind)
    for name in ("receipt", "lot_id", "ends_on"):
        wrong = 0 if name in GOOD[kind] else 7
        with pytest.raises(CommandError, match="Nothing was changed"):
            well_formed(proposal(kind, **{name: wrong}))
    for points in {"extension": (1,), "refund": (1,), "release": (1,), "forfeit": (-1,),
                   "correction": (10**9 + 1, -10**9 - 1),
                   "write_off": (-1, 10**9 + 1)}.get(kind, (0, -1, 10**9 + 1)):
        with pytest.raises(CommandError, match=rf"not {points}\. Nothing was changed"):
            well_formed(proposal(kind, points=points))
    if kind != "refund":
        with pytest.raises(CommandError, match="Only a refund has an amount"):
            well_formed(proposal(kind, amount_minor=100))


@pytest.mark.parametrize("wrong", [
    {"reason": ""}, {"reason": "  "}, {"reason": "x" * 401}, {"maker": ""}, {"category": "fun"},
    {"maker": "L" * 101}, {"kind": "gift"}])
def test_nothing_is_proposed_without_its_reason_its_maker_or_a_known_word(wrong):
    with pytest.raises(CommandError, match="Nothing was changed"):
        well_formed(proposal("grant")._replace(**wrong))


@pytest.mark.parametrize("kind", ["write_off", "extension", "release", "forfeit"])
def test_what_only_hq_bears_takes_no_other_bearer(kind):
    with pytest.raises(CommandError, match="borne by HQ"):
        well_formed(proposal(kind, bearer_id=3))


def test_the_digest_covers_what_is_done_and_no_word_of_a_person():
    one = proposal("grant")
    assert one._replace(maker="Wang", reason="another").content == one.content
    fields = [name for name in Proposal._fields if name not in ("maker", "reason")]
    for name in fields:
        other = one._replace(**{name: "penalty" if name in ("kind", "category") else 99})
        assert other.content != one.content, name
    assert b"Lin" not in one.content and b"till" not in one.content
