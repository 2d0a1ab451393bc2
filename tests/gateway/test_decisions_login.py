"""An operator logs in: what is told, what is counted, and that nothing of a PIN stays behind."""

import logging

import pytest

from gateway.audit import run_audit
from gateway.clock import MS, to_ms
from gateway.keyring import bound_to
from gateway.tries import FAILED_MAX, LOCK_MS
from protocol import codes
from protocol.cbor import encode
from protocol.messages import REPLY_FIELDS
from tests.support.street import JOURNAL, Street

PIN, WRONG = "2468", "8642"


@pytest.fixture
def street(engine) -> Street:
    built = Street(engine, terminals=3)
    built.registry.create_operator(built.merchant, 5, "李小龙")
    built.registry.set_operator_pin(built.merchant, 5, PIN)
    return built


def codes_of(street: Street, *sealed: bytes) -> list[int | None]:
    return [answer.code for answer in street.answers(*sealed)]


def tries_of(street: Street) -> tuple:
    return street.rows("operator_tries", "failed, locks, locked_until")[0]


def test_the_right_pin_is_approved_with_the_operators_name_and_nothing_else(street):
    reply = street.take(street.login(5, PIN))
    assert (reply.code, reply.line) == (codes.APPROVED, "李小龙")
    told = {name for name, value in zip(REPLY_FIELDS, reply, strict=True) if value is not None}
    assert told == {"type", "journal", "trace", "digest", "code", "at", "line"}
    assert (reply.type, reply.trace) == (140, 0)
    for table in ("outcomes", "frames", "journals", "entries", "refusals"):
        assert street.rows(table) == []


def test_a_name_too_long_for_the_line_is_cut(street):
    street.registry.create_operator(street.merchant, 6, "王" * 30)
    street.registry.set_operator_pin(street.merchant, 6, "00000000")
    assert street.take(street.login(6, "00000000")).line == "王" * 16


def test_each_cause_has_its_code_and_no_name(street):
    registry = street.registry
    registry.create_operator(street.merchant, 6, "Wang")  # without a PIN
    registry.create_operator(street.merchant, 7, "Zhao")
    registry.set_operator_pin(street.merchant, 7, PIN)
    registry.suspend_operator(street.merchant, 7)
    registry.set_terminal_state(street.terminals[2], "suspended")
    asked = [(street.login(9, PIN), 50), (street.login(5, WRONG), 51), (street.login(6, PIN), 52),
             (street.login(7, PIN), 52), (street.login(7, WRONG), 52),
             (street.login(5, PIN, terminal=2), 53), (street.login(5, PIN), 0)]
    for frame, code in asked:
        reply = street.take(frame)
        assert reply.code == code and (reply.line is None) == (code != 0)
    registry.reinstate_operator(street.merchant, 7)
    assert street.take(street.login(7, PIN)).code == 0
    registry.set_merchant_state(street.merchant, "suspended")
    assert street.take(street.login(5, PIN)).code == codes.MERCHANT_SUSPENDED
    registry.set_terminal_state(street.terminals[1], "retired")
    assert street.take(street.login(5, PIN, terminal=1)).code == codes.TERMINAL_SUSPENDED


def test_an_operator_of_another_merchant_is_unknown(street):
    other = street.registry.create_merchant(street.programme, "Tea")
    street.registry.create_operator(other, 8, "Sun")
    street.registry.set_operator_pin(other, 8, PIN)
    assert street.take(street.login(8, PIN)).code == codes.OPERATOR_UNKNOWN
    street.terminals.append(street.registry.create_terminal(
        street.registry.create_shop(other, "North")))
    assert street.take(street.login(8, PIN, terminal=3)).code == codes.APPROVED
    assert street.take(street.login(5, PIN, terminal=3)).code == codes.OPERATOR_UNKNOWN


def test_wrong_pins_lock_whatever_terminal_asks_until_the_time_is_over(street):
    for number in range(FAILED_MAX):
        assert street.take(street.login(5, WRONG, terminal=number % 2)).code == 51
    assert tries_of(street) == (0, 1, to_ms(street.now) + LOCK_MS)
    assert codes_of(street, street.login(5, PIN), street.login(5, WRONG, terminal=1)) == [52, 52]
    assert street.take(street.sale(operator=5)).code == 0  # who is logged in goes on
    street.later(seconds=LOCK_MS // MS - 1)
    assert street.take(street.login(5, PIN)).code == 52
    street.later(seconds=1)
    assert street.take(street.login(5, WRONG)).code == 51
    assert street.take(street.login(5, PIN)).code == 0
    assert tries_of(street) == (0, 0, 0)


def test_guesses_in_one_batch_count_one_by_one_and_the_right_one_behind_the_lock_is_52(street):
    for _ in range(FAILED_MAX - 2):
        street.take(street.login(5, WRONG))
    guesses = [street.login(5, WRONG), street.login(5, WRONG, terminal=1),
               street.login(5, PIN, terminal=2)]
    assert codes_of(street, *guesses) == [51, 51, 52]


def test_a_new_pin_ends_a_lock_and_the_old_one_with_it(street):
    for _ in range(FAILED_MAX):
        street.take(street.login(5, WRONG))
    street.registry.set_operator_pin(street.merchant, 5, "13579")
    assert [street.take(street.login(5, pin)).code for pin in (PIN, "13579")] == [51, 0]


def test_the_same_frame_again_gets_the_same_code_and_counts_no_more(street):
    wrong, right = street.login(5, WRONG), street.login(5, PIN)
    assert codes_of(street, wrong, wrong) == [51, 51]
    assert [street.take(wrong).code for _ in range(9)] == [51] * 9
    assert tries_of(street)[0] == 1
    assert street.take(right).code == 0
    for _ in range(2):
        street.take(street.login(5, WRONG))
    assert [street.take(right).code, tries_of(street)[0]] == [0, 2]  # resets nothing
    for _ in range(FAILED_MAX - 2):
        street.take(street.login(5, WRONG))
    assert street.take(right).code == 52
    street.registry.set_operator_pin(street.merchant, 5, "13579")
    assert street.take(right).code == 51 and tries_of(street)[0] == 0
    street.registry.suspend_operator(street.merchant, 5)
    assert street.take(right).code == 52


def test_a_block_that_holds_no_pin_is_the_terminals_fault_and_no_try(street):
    other = street.message(street.login(5, PIN)).request.pin_block
    for block in (bytes(16), other):
        assert street.take(street.login(5, PIN, block=block)).code == codes.MALFORMED
    assert tries_of(street) == (0, 0, 0) and street.rows("refusals") == []


def test_a_key_that_was_revoked_logs_nobody_in(street):
    street.registry.advance_epoch(street.terminals[0])
    street.registry.revoke_epoch(street.terminals[0], 1)
    assert street.answers(street.login(5, PIN))[0].reply is None
    assert street.take(street.login(5, PIN, epoch=2)).code == 0


def test_logins_and_taps_share_a_batch_and_keep_their_places(street):
    assert codes_of(street, street.sale(operator=5), street.login(5, WRONG), street.sale(),
                    street.login(5, PIN, terminal=1), street.login(9, PIN, terminal=2)) == [
        0, 51, 0, 0, 50]


def test_tries_that_were_tampered_with_are_not_built_on(street):
    with street.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE operator_tries SET failed = 0, locks = 3")
    logging.disable(logging.ERROR)
    try:
        found = codes_of(street, street.sale(), street.login(5, PIN), street.sale())
    finally:
        logging.disable(logging.NOTSET)
    assert found == [0, codes.TRY_LATER, 0]
    assert tries_of(street) == (0, 3, 0) and street.rows("quarantine") == []


# ---- a PIN lies nowhere ----

def malformed(street: Street, trace: int) -> bytes:
    """A login with a trace, which none has, and a PIN block that opens."""
    said = street.message(street.login(5, PIN)).request
    return street.seal_payload(encode({0: 12, 1: JOURNAL, 2: trace, 5: 5, 12: said.pin_block,
                                       16: said.nonce}))


def boxes(street: Street) -> list[bytes]:
    found = []
    for table in ("refusals", "quarantine", "dead_letters"):
        for digest, box in street.rows(table, "frame_hash, box"):
            found.append(street.keyring.unlock(202611, bound_to(table, digest), box)[0])
    for month, origin, key, box in street.rows("frames", "month, origin, operation_key, box"):
        found.append(street.keyring.unlock(month, bound_to("frames", origin, key), box)[0])
    return found


def test_no_stored_frame_has_a_pin_block_in_it(street, caplog):
    frames = [street.login(5, PIN), street.login(5, WRONG), malformed(street, 3),
              malformed(street, 0)]
    street.registry.advance_epoch(street.terminals[1])
    street.registry.revoke_epoch(street.terminals[1], 1)
    frames += [street.login(5, PIN, terminal=1), street.login(5, PIN)[:-1] + b"x",
               street.login(5, PIN, terminal=2)]
    blocks = [street.message(frames[place]).request.pin_block for place in (0, 1, 4, 6)]
    street.answers(*frames[:-1])
    street.registry.set_terminal_state(street.terminals[2], "suspended")
    street.answers(frames[-1], street.sale())
    kept = boxes(street)
    assert len(kept) == 3 and street.rows("dead_letters", "count(*)") == [(2,)]
    for frame in frames:
        assert frame not in kept
    for block in blocks:
        assert not any(block in box for box in kept)
    assert [box.count(bytes(16)) for box in kept[:2]] == [1, 1]
    assert PIN not in caplog.text
    assert run_audit(street.engine, street.keyring, rebuild=True).findings == ()


def test_a_login_that_nothing_can_decide_is_90_and_leaves_no_frame(street, monkeypatch, caplog):
    monkeypatch.setattr("gateway.judging.DECISIONS", {})
    assert codes_of(street, street.login(5, PIN)) == [codes.UNSUPPORTED]

    def broken(*_):
        raise ZeroDivisionError("seeded")

    monkeypatch.setattr("gateway.judging.DECISIONS", {12: broken})
    assert codes_of(street, street.login(5, PIN)) == [codes.TRY_LATER]
    assert street.rows("quarantine") == [] and boxes(street) == []
    assert "seeded" in caplog.text and PIN not in caplog.text
