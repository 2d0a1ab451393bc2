"""What a return claims, as its entry keeps it."""

import json

from gateway.money import Money, Terms
from gateway.on_hold import Claim, claim_in

CLAIM = Claim(120, 90, 100, 75, 20_792)


def test_a_claim_reads_as_it_was_written_and_other_contexts_claim_nothing():
    written = json.dumps({"points": 0, "hold": CLAIM}, separators=(",", ":"))
    assert claim_in(written) == CLAIM
    assert claim_in('{"held":1}') is None and claim_in("{}") is None


def test_taking_a_claim_gives_the_merchant_back_what_its_points_cost():
    assert CLAIM.points == 30
    assert CLAIM.money(Terms(100, 100, 9000, 10_000)) == Money(-30, 22, 0)  # 90 - 67.5, half up
    assert CLAIM.money(None) == Money()
