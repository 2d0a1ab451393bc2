"""Every screen of the handset as one picture, drawn by the handset's own code in its own font.

A row of the sheet is a scene: Chinese on the left, English on the right, its name below. `SCENES`
is what `make screens` draws and what the golden test compares: a screen that is not among them is
seen by nobody.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from firmware import VERSION, checkout, faults, states, texts, views
from firmware.day_count import Count
from firmware.flows import taps_texts
from firmware.font import Font
from firmware.screen import HEIGHT, WIDTH, Screen
from firmware.shim_framebuf import MONO_VLSB, FrameBuffer
from firmware.states import State
from protocol import codes
from protocol.fields import BATCH_CLOSE, INQUIRY, REDEMPTION, REFUND, SALE, VOID, Reply
from protocol.limits import BASKET_LINES_MAX
from tools.errors import Unwritable

LANGUAGES = ("zh", "en")
CARD = 6200001234567892  # reserved for tests
JOURNAL, TRACE, AMOUNT_MINOR = 7, 41, 1250
CAPTION = 10
MARGIN = 6
SCALE = 2
ACROSS = 3


class Scene(NamedTuple):
    """A state of the checkout under what is around it."""

    name: str
    state: State
    status: views.Status
    faulty: bool = False


DAY = Count(JOURNAL, 1, 130, 128, ((SALE, 120, 150000, 1500), (REDEMPTION, 1, 5000, -500)),
            (3, 0), None, (), None, None, None)


def reply(code: int = codes.APPROVED, kind: int = SALE, **fields: object) -> Reply:
    known = {"type": 128 + kind, "journal": JOURNAL, "trace": TRACE, "code": code, **fields}
    return Reply(*(known.get(name) for name in Reply._fields))


ANSWER = reply(points=15, balance=1234, member="王*明", tier="银卡", receipt=123456789,
               stored_value=1050, expiring=(500, 20453))


def _login(place: str, number: int = 5, *shown: object) -> State:
    return State("login." + place, None, number, None, shown, None, None)


def _state(name: str, purpose: int | None = SALE, shown: tuple | None = None,
           alert: tuple | None = None) -> State:
    return State(name, purpose, AMOUNT_MINOR, (JOURNAL, TRACE), shown, None, alert)


def _tap(outcome: str, code: int | None = None, points: int | None = None,
         receipt: int | None = None) -> State:
    tap = (SALE, JOURNAL, TRACE, AMOUNT_MINOR, "..7892", outcome, code, points, receipt, None)
    return _state("taps.one", shown=(tap, None, (), None, None, None))


def _refunded(money_minor: int) -> State:
    tap = _tap("posted", 0, 15, 123456789)
    shown = tap.shown or ()
    back = 123456789, "posted", money_minor, (JOURNAL, 42)
    return tap._replace(shown=(*shown[:2], (back,), *shown[3:]))


def _no_refund(why: int) -> State:
    tap = _tap("waiting")
    return tap._replace(shown=(*(tap.shown or ())[:5], why))


def _flow(name: str, purpose: int, shown: tuple | None) -> State:
    return State(name, purpose, 5000 if purpose == REDEMPTION else 500, None, shown, None, None)


def _day(place: str, *shown: object) -> State:
    return _state("dayend." + place, BATCH_CLOSE, shown)


def _result(*shown: object) -> State:
    return _state(checkout.RESULT, shown=shown)


def _status(up: bool = True, unsent: int = 0, signal_dbm: int = -71, battery_percent: int = 80,
            fault_of: str | None = None, font_fault: str = "",
            operator: int | None = None) -> views.Status:
    return views.Status(up, unsent, 10000042, VERSION, fault_of, "", signal_dbm,
                        battery_percent, font_fault, operator)


GOOD, AWAY = _status(), _status(False, 3, -113, 12)
# what a redemption knows behind its inquiry: card, balance, terms
ASKED = ((2, CARD), 360, (360, 100, 100, 100, 100, 5000))
BASKET = ((12, 1250),)
LAST = ("last", TRACE, AMOUNT_MINOR, CARD)
SCENES = (
    Scene("ready", states.start(), GOOD),
    Scene("ready, no font", states.start(), _status(font_fault="no font file")),
    Scene("a task died", states.start(), _status(fault_of="panel")),
    Scene("menu", _state("menu.main"), GOOD),
    Scene("menu, more", _state("menu.more"), GOOD),
    Scene("menu, no login", _state("menu.off"), GOOD),
    Scene("menu, later", _state("menu.later"), GOOD),
    Scene("training?", _state("training.ask", shown=("training", False)), GOOD),
    Scene("training, end?", _state("training.ask", shown=("training", True)), GOOD),
    Scene("last taps", _tap("posted", 0, 15, 123456789), GOOD),
    Scene("last taps, refunded", _refunded(500), GOOD),
    Scene("last taps, waits", _tap("waiting"), AWAY),
    Scene("last taps, refused", _tap("refused", codes.CARD_LOST), GOOD),
    Scene("no refund yet", _no_refund(taps_texts.REFUND_LATER), AWAY),
    Scene("no taps", _state("taps.none"), GOOD),
    Scene("looking", _state("taps.look", shown=(None, None, (), "older", None, None)), GOOD),
    Scene("not done", _state("waiting.main", alert=(2, TRACE, codes.CARD_LOST)), AWAY),
    Scene("did not post", _state("waiting.refused", shown=(
        (SALE, JOURNAL, TRACE, AMOUNT_MINOR, "..7892", "refused", codes.CARD_LOST, None, None,
         None), None, None), alert=(2, TRACE, codes.CARD_LOST)), GOOD),
    Scene("log in", states.start(), _status(operator=0)),
    Scene("operator", _login("operator"), _status(operator=0)),
    Scene("PIN", _login("pin", 5, "pin", "24680"), _status(operator=0)),
    Scene("login asked", _login("asked", 5, "asked", None), _status(operator=0)),
    Scene("logged in", states.start(("operator", 5, "李小龙")), _status(operator=5)),
    Scene("logged in offline", states.start(("operator", 5, None)), _status(False, operator=5)),
    Scene("an operator, ready", states.start(), _status(operator=5)),
    Scene("PIN wrong", _login("refused", 5, "refused", "again", codes.OPERATOR_PIN_WRONG),
          _status(operator=0)),
    Scene("operator barred", _login("refused", 5, "refused", "other",
                                    codes.OPERATOR_NOT_ALLOWED), _status(operator=0)),
    Scene("no login kept", _login("refused", 5, "refused", "other", "none"), AWAY),
    Scene("login too old", _login("refused", 5, "refused", "other", "old"), AWAY),
    Scene("no tries left", _login("refused", 5, "refused", "other", "tries"), AWAY),
    Scene("login not stored", _login("refused", 5, "refused", "again", "failed"), AWAY),
    Scene("3 wrong PINs", _login("wait", 0, "wait", 50), _status(operator=0)),
    Scene("no connection", _login("link", 0), AWAY),
    Scene("log in online", _login("online", 0), AWAY),
    Scene("points: bill", _flow("redeem.amount", REDEMPTION, None), GOOD),
    Scene("points: how many", _flow("redeem.points", REDEMPTION, (*ASKED, 0, None)), GOOD),
    Scene("points: keyed", _flow("redeem.points", REDEMPTION, (*ASKED, 300, None)), GOOD),
    Scene("points: too many", _flow("redeem.points", REDEMPTION, (*ASKED, 400, (1, 360))), GOOD),
    Scene("points: none now", _flow("redeem.points", REDEMPTION, (
        (2, CARD), 360, (50, 100, 100, 100, 100, 5000), 0, None)), GOOD),
    Scene("points: sure?", _flow("redeem.sure", REDEMPTION, (*ASKED, 300, 300)), GOOD),
    Scene("points: no terms", _flow("redeem.sure", REDEMPTION,
                                    (None, 360, None, 300, None)), GOOD),
    Scene("points: paid", _result("posted", reply(
        kind=REDEMPTION, points=-253, balance=107, receipt=1000, amount_minor=300), 5000, "used",
        300), GOOD),
    Scene("points: too few", _result("refused", reply(
        codes.INSUFFICIENT_POINTS, REDEMPTION, balance=90), 5000), GOOD),
    Scene("void: receipt", _flow("reverse.receipt", VOID, (123456789, None)), GOOD),
    Scene("void: sure?", _flow("reverse.sure", VOID, (123456789, None)), GOOD),
    Scene("voided", _result("posted", reply(
        kind=VOID, points=-15, balance=1219, receipt=123456790, amount_minor=1250), 0), GOOD),
    Scene("void: before", _result("posted", reply(codes.NOTHING_LEFT, VOID), 0), GOOD),
    Scene("refund: amount", _flow("reverse.amount", REFUND, (123456789, None)), GOOD),
    Scene("refund: sure?", _flow("reverse.sure", REFUND, (123456789, None)), GOOD),
    Scene("refunded", _result("posted", reply(
        kind=REFUND, points=-6, balance=1228, receipt=123456791, amount_minor=500), 500), GOOD),
    Scene("refund: too much", _result("refused", reply(
        codes.EXCEEDS_ORIGINAL, REFUND, amount_minor=750), 1250), GOOD),
    Scene("refund: basket", _result("refused", reply(
        codes.EXCEEDS_ORIGINAL, REFUND, amount_minor=1250), 1250), GOOD),
    Scene("refund: items", _result("refused", reply(
        codes.EXCEEDS_ORIGINAL, REFUND, amount_minor=1250), 0), GOOD),
    Scene("day-end, counting", _day("count", ("count", None, 40)), GOOD),
    Scene("day-end, not now", _day("no", "unsettled", 3), AWAY),
    Scene("day-end, a type", _day("totals", DAY, 0), GOOD),
    Scene("day-end, sent", _day("sent", False, 0), GOOD),
    Scene("day-end, no answer", _day("sent", True, 0), AWAY),
    Scene("day-end, agrees", _day("done", (), (), (), 0, (), 0), GOOD),
    Scene("day-end, a type differs", _day("differs", (), (), (), 0, (
        (None, SALE, (119, 148750, 1488), (120, 150000, 1500)),), 0), GOOD),
    Scene("day-end, a tap differs", _day("differs", (), (), (), 0, (
        (TRACE, codes.CARD_LOST, 0, codes.APPROVED, 12),), 0), GOOD),
    Scene("day-end, refused", _day("done", "refused", codes.NOTHING_LEFT), GOOD),
    Scene("last, day-end", states.start(("last_day", TRACE, None)), AWAY),
    Scene("settings", _state("setup.main", None, ("zh", 2, 3, "esp32 sim800", 41, 1, 12)), GOOD),
    Scene("settings, not kept", _state("setup.failed", None, ("zh", 2, 3, "esp32", 41, 0)), GOOD),
    Scene("settings, no font", _state("setup.no_font", None, ("en", 2, 3, "esp32", 41, 0, 0)),
          _status(font_fault="no font file")),
    Scene("about", _state("setup.about", None, ("zh", 2, 3, "esp32 sim800", 41, 1, 12)), GOOD),
    Scene("printer", _state("paper.main", None, ("idle", 0, 0)), GOOD),
    Scene("printer, no paper", _state("paper.main", None, ("paper_out", 4, 1)), GOOD),
    Scene("amount", _state(checkout.AMOUNT), GOOD),
    Scene("items: category", _state("basket.category", shown=(BASKET, 500, 3, None)), GOOD),
    Scene("items: one more", _state("basket.amount", shown=(BASKET, 0, 0, None)), GOOD),
    Scene("items: amount", _state("basket.amount", shown=(BASKET, 500, 0, None)), GOOD),
    Scene("items: full", _state("basket.amount", shown=(
        ((65535, 78),) * BASKET_LINES_MAX, 0, 0, None)), GOOD),
    Scene("card", _state(checkout.CARD), GOOD),
    Scene("card, balance", _state(checkout.CARD, INQUIRY), GOOD),
    Scene("card, two there", _state(checkout.CARD, shown=("two_cards", None)), GOOD),
    Scene("card, no reader", _state(checkout.CARD), _status(fault_of=states.READER)),
    Scene("no card", _state("card.none"), GOOD),
    Scene("sold already", _state(states.TWICE), GOOD),
    Scene("saving", _state(checkout.SAVING), GOOD),
    Scene("sent", _state(checkout.SENT), _status(unsent=1)),
    Scene("saved", _result("saved", TRACE, AMOUNT_MINOR), AWAY),
    Scene("posted", _result("posted", ANSWER, AMOUNT_MINOR), GOOD),
    Scene("refused", _result("refused", reply(codes.CARD_LOST), AMOUNT_MINOR), GOOD),
    Scene("held", _result("refused", reply(codes.HELD), AMOUNT_MINOR), GOOD),
    Scene("outbox full", _result("full"), AWAY),
    Scene("not stored", _result("failed"), GOOD),
    Scene("cancel?", _state(checkout.ASK_VOID), GOOD),
    Scene("cancelling", states.cancelling((JOURNAL, TRACE), (JOURNAL, 42), AMOUNT_MINOR),
          _status(unsent=2)),
    Scene("cancelling, no link", states.cancelling((JOURNAL, TRACE), (JOURNAL, 42), 0), AWAY),
    Scene("cancelled", _result("cancelled", TRACE, AMOUNT_MINOR, 0), GOOD),
    Scene("not cancelled", _result("not_cancelled", TRACE, AMOUNT_MINOR, codes.NOT_VOIDABLE),
          GOOD),
    Scene("void not stored", _result("no_void", "failed", ("saved", TRACE, AMOUNT_MINOR)), GOOD),
    Scene("waiting", states.waiting(REDEMPTION, (JOURNAL, TRACE), AMOUNT_MINOR, None), GOOD),
    Scene("asking", _state(checkout.ASKED, INQUIRY), GOOD),
    Scene("balance", _result("balance", ANSWER, 0), GOOD),
    Scene("balance, expiring", _result("balance", ANSWER._replace(
        stored_value=None, expiring=(1051, 21054)), 0), GOOD),
    Scene("no answer", _result("no_answer"), GOOD),
    Scene("offline", _result("no_answer"), AWAY),
    Scene("not posted", _state(checkout.HOME, None, None, (2, TRACE, codes.CARD_LOST)), GOOD),
    Scene("alert beside", _state(checkout.AMOUNT, alert=(2, TRACE, codes.CARD_LOST)), AWAY),
    Scene("last, waiting", states.start((*LAST, None, None)), AWAY),
    Scene("last, posted", states.start((*LAST, (codes.APPROVED, 15, 9), None)), GOOD),
    Scene("last, refund", states.start((*LAST, (codes.APPROVED, -6, 9), (REFUND, 667))), GOOD),
    Scene("last, held", states.start((*LAST, (codes.HELD, None, None), None)), GOOD),
    Scene("last, cancelled", states.start(("last_void", TRACE, codes.APPROVED, 9, None)), GOOD),
    Scene("status", _state(checkout.STATUS), AWAY, faulty=True),
    Scene("outbox fault", checkout.recovery("corrupt"), GOOD),
)


def lines(scene: Scene, language: str) -> tuple[str, ...]:
    """The five lines of a scene."""
    status = scene.status._replace(
        link_fault=texts.fault(language, faults.NO_NETWORK) if scene.faulty else "")
    return views.lines(scene.state, status, language, 2)


def pixels(scene: Scene, language: str, font: Font) -> bytes:
    """1,024 bytes as the display gets them."""
    shown: list[bytes] = []
    Screen(lambda buffer: shown.append(bytes(buffer)), font).draw(lines(scene, language))
    return shown[0]


def sheet(font: Font) -> Image.Image:
    """The picture of all scenes."""
    wide, high = WIDTH * len(LANGUAGES) + MARGIN * 3, HEIGHT + CAPTION + MARGIN
    down = -(-len(SCENES) // ACROSS)
    picture = Image.new("1", (wide * ACROSS, high * down + MARGIN), 1)
    for place, scene in enumerate(SCENES):
        left, top = place % ACROSS * wide + MARGIN, place // ACROSS * high + MARGIN
        for number, language in enumerate(LANGUAGES):
            drawn = pixels(scene, language, font)
            _put(picture, drawn, left + number * (WIDTH + MARGIN), top, HEIGHT, 1)
        _put(picture, _caption(scene.name), left, top + HEIGHT + 1, 8, 0)
    return picture.resize((picture.width * SCALE, picture.height * SCALE))


def _caption(name: str) -> bytes:
    buffer = bytearray(WIDTH)
    FrameBuffer(buffer, WIDTH, 8, MONO_VLSB).text(name, 0, 0, 1)
    return bytes(buffer)


def _put(picture: Image.Image, buffer: bytes, left: int, top: int, high: int, lit: int) -> None:
    for x, y in _places(high):
        bit = buffer[(y >> 3) * WIDTH + x] >> (y & 7) & 1
        picture.putpixel((left + x, top + y), lit if bit else 1 - lit)


def _places(high: int) -> Iterator[tuple[int, int]]:
    return ((x, y) for y in range(high) for x in range(WIDTH))


def save(picture: Image.Image, path: Path) -> None:
    """A PNG of one bit a pixel; Unwritable where that fails."""
    try:
        picture.save(path, "PNG", optimize=True)
    except OSError as error:
        raise Unwritable(f"{path}: {error.strerror}. No picture was written.") from None
