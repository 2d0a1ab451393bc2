"""Inquiry, heartbeat, and what no decision exists for."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.audit import run_audit
from gateway.database import counting_statements
from gateway.decisions import DECISIONS
from gateway.decisions.causes import identity_of, luhn
from protocol import codes, keys, messages
from protocol.messages import request
from tests.support.street import JOURNAL, RULES, Street, card_number


class Blocks:
    """AES as a handset has it."""

    def __init__(self, key: bytes) -> None:
        self.decrypt = Cipher(algorithms.AES(key), modes.ECB()).decryptor().update


def test_an_inquiry_tells_member_tier_balance_and_head(engine):
    street = Street(engine)
    sold = street.take(street.sale())
    told = street.take(street.inquiry())
    assert (told.code, told.balance, told.tier, told.member) == (0, 15, "银卡", "王*明")
    assert told.head == sold.head and told.expiring == sold.expiring
    assert told.points is None and told.receipt is None


def test_an_inquiry_tells_what_points_buy_and_how_many_may_be_used(engine):
    street = Street(engine, members=2)
    street.take(street.sale(30_000))
    assert street.take(street.inquiry()).redeeming == (360, 100, 100, 100, 100, 5000)
    assert street.take(street.inquiry(card=1)).redeeming[0] == 0
    street.registry.add_rule_set(street.programme, RULES._replace(redeeming=None), 1)
    assert street.take(street.inquiry()).redeeming is None


def test_with_a_debt_an_inquiry_tells_that_no_points_may_be_used(engine):
    street = Street(engine)
    sold = street.sale(30_000)
    street.take(sold)
    street.take(street.redemption(300, 5000))
    street.take(street.void(street.message(sold).request.trace))
    assert street.rows("members", "available, debt")[0][1] > 0
    told = street.take(street.inquiry())
    assert told.balance < 0 and told.redeeming[0] == 0


def test_an_inquiry_behind_a_sale_in_one_batch_sees_it(engine):
    street = Street(engine)
    sold, told = street.answers(street.sale(), street.inquiry())
    assert street.read(told.reply).balance == 15
    assert street.read(told.reply).head == street.read(sold.reply).head


def test_an_inquiry_stores_nothing(engine):
    street = Street(engine)
    street.take(street.inquiry())
    for table in ("outcomes", "frames", "journals", "entries"):
        assert street.rows(table) == []


def test_an_inquiry_names_each_cause(engine):
    street = Street(engine, terminals=2, members=2)
    registry = street.registry
    registry.create_operator(street.merchant, 5, "Li")
    registry.set_operator_state(street.merchant, 5, "suspended")
    registry.set_member_state(street.members[1], "suspended")
    registry.set_terminal_state(street.terminals[1], "suspended")
    asked = [street.inquiry(operator=6), street.inquiry(operator=5), street.inquiry(card=1),
             street.inquiry(terminal=1), street.inquiry(card=card_number(70)),
             street.inquiry(card="6200001234567893")]
    found = [answer.code for answer in street.answers(*asked)]
    assert found == [50, 52, 20, 53, 10, 15]
    registry.set_merchant_state(street.merchant, "suspended")
    assert street.take(street.inquiry()).code == codes.MERCHANT_SUSPENDED
    registry.set_terminal_state(street.terminals[1], "retired")
    assert street.take(street.inquiry(terminal=1)).code == codes.TERMINAL_SUSPENDED


def test_a_heartbeat_tells_time_highest_trace_and_configuration(engine):
    street = Street(engine)
    assert street.take(street.heartbeat()).highest_trace == 0
    street.take(street.sale(trace=7))
    street.take(street.sale(trace=3))
    beat = street.take(street.heartbeat())
    assert (beat.code, beat.highest_trace, beat.at) == (0, 7, street.seconds())
    assert beat.config_revision == street.rows("counters", "value", "name = 'config'")[0][0]
    assert street.take(street.heartbeat(journal=JOURNAL + 1)).highest_trace == 0


def test_a_refused_trace_counts_as_seen(engine):
    street = Street(engine)
    street.take(street.sale(trace=9, card=card_number(70)))
    assert street.take(street.heartbeat()).highest_trace == 9


def test_a_suspended_terminal_gets_the_time_and_a_lost_one_nothing(engine):
    street = Street(engine)
    street.registry.set_terminal_state(street.terminals[0], "suspended")
    assert street.take(street.heartbeat()).code == 0
    street.registry.set_terminal_state(street.terminals[0], "lost")
    assert street.take(street.heartbeat()).code == codes.TERMINAL_SUSPENDED


def test_a_changed_configuration_is_seen_by_the_next_heartbeat(engine):
    street = Street(engine)
    before = street.take(street.heartbeat()).config_revision
    street.registry.create_shop(street.merchant, "New town")
    assert street.take(street.heartbeat()).config_revision > before


def test_types_nobody_decides_yet_are_unsupported_and_keep_their_trace(engine):
    street = Street(engine)
    card = (2, int(street.cards[0]))
    payment = request(messages.PAYMENT, JOURNAL, 1, card=card, amount_minor=100)
    unknown = request(99, JOURNAL, 2)
    answers = street.answers(street.seal(payment), street.seal(unknown))
    assert [answer.code for answer in answers] == [codes.UNSUPPORTED] * 2
    assert street.rows("outcomes") == [] and street.rows("journals") == []


def test_every_decision_belongs_to_a_known_message():
    assert set(DECISIONS) <= set(messages.MESSAGES)


def test_cards_are_named_by_number_or_uid_and_luhn_finds_a_wrong_digit():
    assert identity_of((2, bytes.fromhex("04a1b2c3d4e5f6"))) == "u04a1b2c3d4e5f6"
    assert luhn("6200001234567892")
    assert not any(luhn(f"620000123456789{digit}") for digit in "013456789")


def test_the_reply_clock_is_the_gateways(engine):
    street = Street(engine)
    street.now = datetime(2030, 1, 1, tzinfo=UTC)
    assert street.take(street.inquiry()).at == 1893456000


# ---- key rotation (WIRE, Keys) ----

def rotated(street: Street) -> int:
    return street.registry.advance_epoch(street.terminals[0])


def revoked(street: Street) -> bytes:
    facts, = street.registry.terminals()
    return facts.revoked_epochs


def test_a_heartbeat_under_an_older_epoch_brings_the_newest_key(engine):
    street = Street(engine)
    assert street.take(street.heartbeat()).next_key is None
    rotated(street)
    epoch = rotated(street)
    offered, wrapped = street.take(street.heartbeat()).next_key
    held = street.keyring.terminal_key(street.terminals[0], 1)
    opened = keys.rekey_unwrap(Blocks, held, wrapped)
    assert (offered, opened) == (3, street.keyring.terminal_key(street.terminals[0], epoch))
    assert street.take(street.heartbeat(epoch=3)).next_key is None
    street.registry.set_terminal_state(street.terminals[0], "lost")
    assert street.take(street.heartbeat()).next_key is None


def test_an_older_epoch_is_good_until_the_terminal_says_that_nothing_of_it_is_left(engine):
    street = Street(engine)
    old = street.sale()
    street.take(old)
    rotated(street)
    for still in ({9: (1,)}, {3: 4}, {}):
        street.take(street.heartbeat(epoch=2, report=still))
        assert revoked(street) == b""
    assert street.take(street.sale(epoch=1)).code == 0
    street.take(street.heartbeat(epoch=1, report={9: ()}))
    assert revoked(street) == b"", "an older epoch retires nothing"
    street.take(street.heartbeat(epoch=2, report={9: ()}))
    assert revoked(street) == b"\x01"
    assert street.take(street.sale(epoch=1)).code == codes.HELD
    assert street.answers(street.heartbeat(epoch=1))[0].reply is None
    assert street.take(old).code == 0, "what was decided keeps its reply"
    assert street.take(street.sale(epoch=2)).code == 0


def test_a_terminal_with_nothing_unsettled_needs_no_list_of_epochs(engine):
    street = Street(engine)
    rotated(street)
    street.take(street.heartbeat(epoch=2, report={3: 0}))
    assert revoked(street) == b"\x01"


def test_no_epoch_is_retired_while_traces_are_asked_for_again(engine):
    street = Street(engine)
    lost = street.sale(trace=1)
    rotated(street)
    done = {9: (), 8: (JOURNAL, 1, 1)}
    assert street.take(street.heartbeat(epoch=2, report=done)).send_again == ((JOURNAL, 1, 1),)
    assert street.take(lost).code == 0
    street.take(street.heartbeat(epoch=2, report=done))
    assert revoked(street) == b"\x01"


def test_a_retired_epoch_stands_in_the_registrys_events_and_in_the_audit(engine):
    street = Street(engine)
    street.take(street.heartbeat(epoch=4, report={9: (2,)}))
    assert revoked(street) == b"\x01\x03"
    assert street.rows("terminal_epochs", "epoch", "revoked_at IS NOT NULL") == [(1,), (3,)]
    assert street.rows("registry_events", "row_key", "actor = 'intake'") == [
        (str(street.terminals[0]),), (f"{street.terminals[0]}:4",), (str(street.terminals[0]),),
        (f"{street.terminals[0]}:1",), (f"{street.terminals[0]}:3",)]
    assert run_audit(engine, street.keyring, rebuild=True).findings == ()


def test_a_whole_fleet_is_done_with_its_old_keys_in_as_many_statements_as_one(engine):
    street = Street(engine, terminals=21)
    for terminal in street.terminals:
        street.registry.advance_epoch(terminal)
    street.take(street.heartbeat())  # reads the catalogue, once
    counts = []
    for fleet in (range(1), range(1, 21)):
        beats = [street.heartbeat(terminal=each, epoch=2, report={9: ()}) for each in fleet]
        street.later(seconds=1)
        with counting_statements(engine) as statements:
            street.answers(*beats)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert {facts.revoked_epochs for facts in street.registry.terminals()} == {b"\x01"}
