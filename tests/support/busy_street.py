"""A street with a past, for the audit: at least one row in every table, all by the gateway itself.

Sales of several days and members, replays, conflicts, malformed and refused and held taps, a
quarantined one, rubbish, state changes of everything, new and revoked keys, a first tap of a stock
card, and a retention that has dropped what was old.
"""

from sqlalchemy import Engine

from gateway import held, holds
from gateway.clock import to_ms
from gateway.commands import Proposal
from gateway.days import close
from gateway.decisions import DECISIONS
from gateway.held import HeldKey
from gateway.proposals import approve, propose, refuse
from gateway.registry import NewCard
from gateway.retention import drop_frames, drop_letters
from gateway.validity import Rolling
from protocol import messages
from protocol.cbor import encode
from tests.support.street import JOURNAL, RULES, Street, card_number

POISON = 666
STOCK_CARD = card_number(900)
CHIP = bytes.fromhex("04a1b2c3")
SECOND_JOURNAL = 7
HELD_JOURNAL = 6
CLOSED_JOURNAL = 5


def busy_street(engine: Engine) -> Street:
    """The street after about 14 months; its clock stands where the audit should look at it."""
    street = Street(engine, terminals=3, members=3, first_tap_activates=True)
    street.registry.create_operator(street.merchant, 1, "Lin")
    street.registry.set_operator_pin(street.merchant, 1, "2468")
    street.registry.create_cards(street.programme, [
        NewCard(STOCK_CARD, None, "stock"), NewCard(CHIP, street.members[1])])
    _old_days(street)
    _retention(street)
    _changes(street)
    _recent_days(street)
    return street


def _old_days(street: Street) -> None:
    """Frames of these are dropped later; outcomes and entries stay."""
    street.answers(*(street.sale(1000 + place, card=place % 3) for place in range(6)))
    street.answers(street.sale(card="6200008999999994"), b"rubbish", street.sale(epoch=9)[:-1])
    street.later(days=450)


def _retention(street: Street) -> None:
    now = to_ms(street.now)
    assert drop_frames(street.engine, street.keyring, now, 1000) == 7
    assert drop_letters(street.engine, street.keyring, now, 1000) == 2


def _changes(street: Street) -> None:
    registry = street.registry
    registry.add_rule_set(street.programme, RULES._replace(rate_points=2, rolling=Rolling(12)),
                          to_ms(street.now))
    street.later(hours=1)
    registry.set_member_tier(street.members[1], "gold")
    registry.set_card_state(street.cards[2], "lost", reason="reported")
    registry.set_card_state(street.cards[2], "active", reason="found")
    registry.set_member_state(street.members[2], "suspended")
    registry.set_member_state(street.members[2], "active")
    registry.set_operator_state(street.merchant, 1, "suspended")
    registry.set_operator_state(street.merchant, 1, "active")
    registry.set_merchant_state(street.merchant, "active")
    registry.set_rates(street.merchant, 9000, 9500)
    registry.advance_epoch(street.terminals[1])
    registry.revoke_epoch(street.terminals[1], 1)
    street.later(hours=1)


def _recent_days(street: Street) -> None:
    tap = street.sale(2000, card=1)
    street.answers(tap, tap, street.sale(30, card=0), street.sale(1, card=0))
    street.answers(tap)
    street.answers(street.sale(9999, trace=1, card=0))  # a conflict
    street.answers(street.seal_payload(encode({0: 1, 1: JOURNAL, 2: 90, 6: (2, 62), 7: 0})))
    street.answers(street.sale(terminal=2, journal=SECOND_JOURNAL, card=CHIP),
                   street.sale(500, terminal=1, epoch=2, card=STOCK_CARD),
                   street.sale(500, terminal=1, epoch=1),  # revoked key: held
                   street.inquiry(), street.heartbeat())
    _logins(street)
    _quarantine(street)
    _voids(street)
    _redemptions(street)
    _commands(street)
    _batches(street)
    _walk_ins(street)
    _holds(street)
    street.registry.begin_recovery(100)
    street.answers(street.kept(95))
    street.registry.end_recovery()
    street.answers(b"rubbish", b"", street.sale(terminal=2) + b"x")
    street.later(days=1)
    assert len(close(street.engine, street.keyring, to_ms(street.now)).sealed) == 2
    street.answers(*(street.sale(700 + place, terminal=place % 2, epoch=1 + place % 2,
                                 card=place % 3) for place in range(6)))


def _logins(street: Street) -> None:
    """A wrong PIN and the right one; another operator's, who has a new one since."""
    street.answers(street.login(1, "1357"), street.login(1, "2468", terminal=2))
    street.registry.create_operator(street.merchant, 2, "Wang")
    for pin in ("11223344", "55667788"):
        street.registry.set_operator_pin(street.merchant, 2, pin)
    street.answers(street.login(2, "11223344"))


def _holds(street: Street) -> None:
    """Points that returns hold: some released, some that still wait."""
    rule_set = RULES._replace(rate_points=2, rolling=Rolling(12))
    street.registry.add_rule_set(street.programme, rule_set._replace(on_return="hold"),
                                 to_ms(street.now))
    sale = street.sale(9000, card=2)
    street.answers(sale)
    for _ in range(2):
        street.answers(street.refund(street.message(sale).request.trace, amount_minor=1000))
    first, = street.rows("holds", "min(entry_id)")[0]
    holds.release(street.intake, first, "Lin", "goods are back")
    street.later(hours=1)
    street.registry.add_rule_set(street.programme, rule_set, to_ms(street.now))


def _walk_ins(street: Street) -> None:
    """Sales to nobody, one of them taken back in part."""
    sales = [street.walk_in(1200 + place) for place in range(2)]
    street.answers(*sales, street.refund(street.message(sales[0]).request.trace,
                                         amount_minor=500))


def _redemptions(street: Street) -> None:
    """Points that were earned, spent and taken back: debt, which later points pay in part."""
    earned = street.sale(30_000, card=1)
    street.answers(earned, street.redemption(300, 5000, card=1))
    street.answers(street.redemption(100, 900, card=1))
    street.answers(street.void(street.message(earned).request.trace))
    street.answers(street.sale(1200, card=1))


def _batches(street: Street) -> None:
    """One that agrees with its terminal, one that does not."""
    points = street.take(street.sale(2500, journal=CLOSED_JOURNAL)).points
    street.answers(street.batch_close(1, 1, journal=CLOSED_JOURNAL,
                                      totals={messages.SALE: (1, 2500, points)}))
    street.answers(street.batch_close(3, 5, journal=CLOSED_JOURNAL, trace=9))


def _commands(street: Street) -> None:
    """HQ gives, takes and takes back, with a second person; one is refused, one still waits."""
    given = 0
    blank = Proposal(0, "grant", street.members[0], 60, 0, "fault", 0, 0, 0, 0, 0, "Lin", "slow")
    for proposal in (blank, blank._replace(kind="penalty", points=70, category="abuse"), blank,
                     blank):
        serial = propose(street.intake, proposal).proposal.serial
        if serial < 3:
            given = approve(street.intake, serial, "Wang", "as the shop says").receipt or 0
        elif serial == 3:
            refuse(street.intake, serial, "Wang", "twice")
    back = propose(street.intake, blank._replace(kind="correction", points=0, receipt=given))
    approve(street.intake, back.proposal.serial, "Wang")


def _voids(street: Street) -> None:
    """Of a posted and of a held sale, of one that comes later, and one too many."""
    taken = street.sale(4200, card=0)
    trace = street.message(taken).request.trace
    held = street.sale(500, terminal=1, epoch=1)
    street.answers(taken, held)
    street.answers(street.void(trace), street.void(trace), street.void(
        street.terminals[1], JOURNAL, street.message(held).request.trace))
    _verdicts(street)
    late = street.sale(300, card=1)
    street.answers(street.void(street.message(late).request.trace))
    street.answers(late, late)


def _verdicts(street: Street) -> None:
    """HQ posts one held tap and refuses another."""
    taps = [street.sale(900 + place, terminal=2, journal=HELD_JOURNAL, card=2, operator=77)
            for place in range(2)]
    street.answers(*taps)
    for tap, decide in zip(taps, (held.post, held.refuse), strict=True):
        said = street.message(tap)
        decide(street.intake, HeldKey(said.terminal_id, said.request.journal,
                                      said.request.trace), "Lin", "looked at")


def _quarantine(street: Street) -> None:
    """A seeded bug sets two sales aside; one is requeued and posts."""
    sound = DECISIONS[messages.SALE]

    def poisoned(message, book):
        if message.request.amount_minor == POISON:
            raise ZeroDivisionError("seeded")
        return sound(message, book)

    DECISIONS[messages.SALE] = poisoned
    try:
        lasting, passing = street.sale(POISON, card=1), street.sale(POISON, card=0)
        street.answers(lasting, passing)
    finally:
        DECISIONS[messages.SALE] = sound
    street.registry.requeue(street.read(street.answers(passing)[0].reply).digest)
    street.answers(passing)
