"""What README.md tells a stranger is true: its bytes, its tables and its program."""

import re
from pathlib import Path

import pytest

from protocol import cbor, codes, frames, keys, limits, messages
from protocol.code_names import NAMES
from protocol.messages import MESSAGES, REPLY_FIELDS, REQUEST_FIELDS
from tests.protocol.test_keys import Aes

README = (Path(__file__).resolve().parents[2] / "protocol" / "README.md").read_text()
MASTER = bytes(range(32))
KEY = keys.terminal_key(MASTER, 10000042, 1)


def blocks(kind: str = "") -> list[str]:
    """The fenced blocks of one kind."""
    return [text for name, text in re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
            if name == kind]


def hex_of(block: str) -> bytes:
    return bytes.fromhex("".join(line.split(";")[0] for line in block.splitlines()))


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    """Cells of the table rows of a chapter, heads and rulers left out."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if not row[0].startswith("-")]


def values_of(block: str) -> dict[str, str]:
    return {" ".join(line.split()[:-1]): line.split()[-1] for line in block.splitlines()}


SALE_FRAME, AAD_AND_STRUCTURE, REPLY_FRAME = blocks()[1:4]


def test_the_example_keys_follow_from_the_master_key():
    told = values_of(blocks()[0])
    assert bytes.fromhex(told["master key"]) == MASTER
    assert bytes.fromhex(told["terminal key"]) == KEY
    assert told["mqtt user"] == keys.mqtt_user(10000042, 1)
    assert told["mqtt password"] == keys.mqtt_password(KEY)
    assert bytes.fromhex(told["pin key"]) == keys.pin_key(KEY)


def test_the_worked_sale_is_a_frame_that_opens():
    frame = hex_of(SALE_FRAME)
    parts = frames.split(frame, limits.FRAME_UP_SIZE_MAX)
    assert frames.authentic(KEY, limits.UP, parts)
    sale = messages.read_request(cbor.decode(parts.payload))
    assert isinstance(sale, messages.Request)
    assert (sale.type, sale.card, sale.amount_minor) == (1, (2, 6200001234567892), 123456)
    assert frames.digest(frame).hex() in README
    assert str(len(frame)) + " bytes" in section("Worked example")
    aad, structure = AAD_AND_STRUCTURE.split()
    assert frames.external_aad(limits.UP, 10000042).hex() == aad
    assert frames.mac_structure(limits.UP, 10000042, parts.payload).hex() == structure


def test_the_worked_reply_answers_the_worked_sale():
    frame = hex_of(REPLY_FRAME)
    parts = frames.split(frame, limits.FRAME_DOWN_SIZE_MAX)
    assert frames.authentic(KEY, limits.DOWN, parts)
    reply = messages.read_reply(parts.payload)
    assert reply.digest == frames.digest(hex_of(SALE_FRAME))
    assert (reply.code, reply.points, reply.balance) == (codes.APPROVED, 1234, 123456)
    assert str(len(frame)) + " bytes" in section("Worked example")
    assert frames.external_aad(limits.DOWN, 10000042).hex() in section("Worked example")


def test_the_program_in_the_readme_seals_and_opens_the_worked_example():
    program: dict = {}
    exec(blocks("python")[0], program)
    sale, reply = hex_of(SALE_FRAME), hex_of(REPLY_FRAME)
    fields = {7: 123456, 0: 1, 1: 1592605928, 2: 40000, 3: 1763712000, 4: 3600, 5: 12,
              6: [2, 6200001234567892]}
    assert program["seal"](KEY, 10000042, 1, fields) == sale
    assert program["open_reply"](KEY, 10000042, 1, sale, reply)[7] == 123456
    assert program["open_reply"](KEY, 10000042, 1, sale + b"x", reply) is None
    assert program["open_reply"](bytes(32), 10000042, 1, sale, reply) is None
    assert program["open_reply"](KEY, 10000042, 2, sale, reply) is None


def test_the_pin_block_example_is_right():
    told = values_of(blocks()[4])
    nonce = bytes(range(1, 9))
    assert told["nonce"] == keys.pin_nonce(1592605928, nonce).hex()
    block = keys.pin_block(Aes, keys.pin_key(KEY), 1592605928, nonce, "246810")
    assert told["PIN block"] == block.hex()
    payload = bytes.fromhex(told["payload"])
    asked = messages.read_request(cbor.decode(payload))
    assert isinstance(asked, messages.Request)
    assert (asked.type, asked.pin_block, asked.nonce) == (messages.AUTHORISE, block, nonce)
    assert frames.split(frames.seal(KEY, limits.UP, 10000042, 1, payload), 1024).tag.hex() == (
        told["tag"])


def test_the_key_rotation_example_is_right():
    told = values_of(blocks()[5])
    following = keys.terminal_key(MASTER, 10000042, 2)
    assert told["next terminal key"] == following.hex()
    assert told["wrapped"] == keys.rekey_wrap(Aes, KEY, following).hex()


def test_the_table_of_codes_is_the_codes():
    told = {int(row[0]): row[1:3] for row in rows("Reply codes")[1:]}
    assert told == {code: [name, "transient" if codes.transient(code) else "final"]
                    for code, name in NAMES.items()}
    assert all(row[3] for row in rows("Reply codes")[1:])


def keys_in(cell: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", cell)}


def test_the_table_of_types_is_the_messages():
    table = [row for row in rows("Requests") if len(row) == 6][1:]
    assert [int(row[0]) for row in table] == sorted(MESSAGES)
    for row in table:
        spec = MESSAGES[int(row[0])]
        base = set() if spec.name == "login" else {5}
        assert keys_in(row[2]) == {*spec.needed, *spec.one_of}, spec.name
        assert keys_in(row[3]) | {3, 4, 18, 19} | base == set(spec.optional), spec.name
        assert (row[4] == "yes") == spec.journaled, spec.name
        assert (row[5] not in ("", "refused")) == spec.offline, spec.name


@pytest.mark.parametrize(("title", "count"), [("Requests", 22), ("Replies", 26)])
def test_every_key_has_its_row(title: str, count: int):
    told = [key for row in rows(title) if len(row) == 3 and row[0][0].isdigit()
            for key in map(int, re.findall(r"\d+", row[0]))]
    assert [key for key in told if key < 22 or title == "Replies"] == list(range(count))


def test_no_field_is_left_unnamed():
    for field in (*REQUEST_FIELDS, *REPLY_FIELDS):
        word = field.replace("_", " ")
        assert word in README.lower() or field in README, field


def test_the_limits_in_the_text_are_the_limits_in_code():
    assert f"**{limits.FRAME_UP_SIZE_MAX:,} bytes up**" in README
    assert f"**{limits.FRAME_DOWN_SIZE_MAX:,} bytes down**" in README
    assert f"At most **{limits.WINDOW}** journaled" in README
    assert f"nest at most {limits.DEPTH_MAX} deep" in README
    sending = section("Sending")
    for number in (limits.PUBACK_WAIT_S, limits.REPLY_WAIT_S, limits.REPLY_WAIT_S_MAX,
                   limits.TRANSIENT_WAIT_S, limits.SALE_SAVED_AFTER_S, limits.VOID_AFTER_S):
        assert f"{number} s" in sending
    assert f"keepalive {limits.KEEPALIVE_S} s" in section("MQTT")
    assert f"at most {limits.CLOCK_ROUND_TRIP_S_MAX} s" in section("Time")


def test_links_inside_the_page_lead_somewhere():
    anchors = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", README, re.M)}
    assert set(re.findall(r"\]\(#([a-z-]+)\)", README)) <= anchors
