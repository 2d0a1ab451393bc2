"""The heartbeat: when, what it says, what its answer brings. Runs on both interpreters."""

from firmware import session as rules  # isort: skip - on CPython it brings the shim
from cryptolib import aes

from firmware import settings as files
from firmware.again import Again, following
from firmware.beats import RETRY_MS, Beats, answered, connected, report, rotate
from firmware.clock import Clock
from firmware.keys_held import KeysHeld, key_of
from protocol import codes, keys, messages
from tests.firmware.replies import AT, KEY, TERMINAL_ID
from tests.firmware.test_outbox_kept import append, shelf

HOUR_MS = 3600000
NEXT = bytes(range(100, 132))


class Board:
    name = "test"
    reset_cause = 3
    fault = None

    def battery_percent(self):
        return 80

    def signal_dbm(self):
        return None

    def heap_free(self):
        return None

    def random(self, count):
        return bytes(range(1, count + 1))

    def aes(self, key):
        return aes(key, 1)

    def save_settings(self, settings):
        if self.fault:
            raise self.fault
        self.settings = settings


class Heart:
    """Beats on a real outbox with journal 7; `said` is what it told."""

    def __init__(self, outbox=None):
        self.outbox = outbox or shelf()
        self.board, self.clock, self.said = Board(), Clock(3), []
        self.keys = KeysHeld(files.settings(TERMINAL_ID, 1, KEY, "h", 1, "u", "p"), self.board)
        self.again = Again(self.outbox)
        self.beats = Beats(self.board, self.outbox, self.clock, self.keys, self.again,
                           lambda *said: self.said.append(said))
        connected(self.beats, 0)

    def answer(self, code=0, asked_ms=0, now=1, epoch=1, **fields):
        question = rules.Question(messages.HEARTBEAT, 7, bytes(8), asked_ms, epoch)
        request = messages.request(messages.HEARTBEAT, 7, 0)
        at = fields.pop("at", AT)
        reply = messages.reply(request, bytes(8), code, at, **fields)
        answered(self.beats, question, reply, now)
        if self.beats.offer:
            rotate(self.beats, now)

    def offer(self, epoch=2, under=KEY):
        return epoch, keys.rekey_wrap(self.board.aes, under, NEXT)


def test_it_goes_at_each_connect_and_hourly_once_it_is_answered():
    heart = Heart()
    assert report(heart.beats, 0) and report(heart.beats, 1) is None
    heart.answer(now=100)
    assert report(heart.beats, HOUR_MS + 99) is None and report(heart.beats, HOUR_MS + 100)
    connected(heart.beats, HOUR_MS + 200)
    assert report(heart.beats, HOUR_MS + 200)


def test_a_flash_that_fails_while_the_highest_trace_is_noted_leaves_it_unanswered():
    heart = Heart()
    assert report(heart.beats, 0)

    def fail(highest):
        raise OSError(5)

    heart.outbox.raise_trace = fail
    try:
        heart.answer(highest_trace=9)
        raise AssertionError("the flash failed, and nobody said so")
    except OSError:
        pass
    assert heart.said == [] and report(heart.beats, RETRY_MS)


def test_unanswered_it_goes_again_after_half_a_minute_doubling_to_an_hour():
    heart, waits, now = Heart(), [], 0
    for _ in range(10):
        assert report(heart.beats, now)
        waits.append(heart.beats.due_ms - now)
        now = heart.beats.due_ms
    assert waits[:3] == [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS] and waits[-1] == HOUR_MS


def test_the_report_says_what_waits_and_what_is_kept():
    heart = Heart()
    for code in (0, 0, None):
        append(heart.outbox, code)
    said = report(heart.beats, 0)
    assert said[3] == 1 and said[8] == (7, 1, 3) and said[9] == ()
    assert said[1] == 80 and 2 not in said and said[6] == "test"
    assert said[7] == 3, "that the watchdog bit is told"


def test_an_empty_journal_reports_an_empty_span():
    assert report(Heart().beats, 0)[8] == (7, 1, 0)


def test_an_answer_that_is_not_approved_changes_nothing():
    heart = Heart()
    report(heart.beats, 0)
    for code in (codes.TRY_LATER, codes.TERMINAL_SUSPENDED, codes.MALFORMED):
        heart.answer(code, highest_trace=40, next_key=heart.offer(), send_again=((7, 1, 2),))
    assert heart.said == [] and heart.clock.now(5) is None and heart.keys.epoch == 1
    assert heart.outbox.next_trace == 1 and not heart.again.walking
    assert heart.beats.due_ms == RETRY_MS


def test_a_slow_answer_sets_no_clock_but_all_else_counts():
    heart = Heart()
    report(heart.beats, 0)
    heart.answer(now=10001, highest_trace=40, next_key=heart.offer())
    assert heart.clock.now(10001) is None
    assert heart.outbox.next_trace == 41 and heart.keys.epoch == 2


def test_a_highest_trace_below_the_own_and_of_another_journal_is_ignored():
    heart = Heart()
    for _ in range(3):
        append(heart.outbox, 0)
    heart.answer(highest_trace=2)
    assert heart.outbox.next_trace == 4
    heart.outbox.new_journal(9)
    heart.answer(highest_trace=40)
    assert heart.outbox.next_trace == 1


def test_a_next_key_is_taken_told_and_shown_to_the_gateway_at_once():
    heart = Heart()
    report(heart.beats, 0)
    heart.answer(next_key=heart.offer(), now=5)
    assert ("rotated", 2) in heart.said and heart.keys.epoch == 2
    assert heart.board.settings.epoch == 2 and heart.board.settings.old_keys == ((1, KEY),)
    said = report(heart.beats, 5)
    assert said[9] == () and key_of(heart.keys, 1) == KEY
    heart.keys.entered = True
    heart.answer(epoch=2, asked_ms=5, now=6)
    report(heart.beats, HOUR_MS + 6)
    assert key_of(heart.keys, 1) is None and heart.board.settings.old_keys == ()


def test_an_offer_that_is_wrong_is_named_and_the_key_stays():
    heart = Heart()
    for offer, why in ((heart.offer(1), "not_higher"), (heart.offer(2, NEXT), "tampered"),
                       ((2, bytes(40)), "tampered")):
        heart.answer(next_key=offer)
        assert heart.said[-1] == ("not_rotated", offer[0], why) and heart.keys.epoch == 1
    heart.board.fault = OSError(28)
    heart.answer(next_key=heart.offer())
    assert heart.said[-1] == ("not_rotated", 2, "not_kept") and heart.keys.epoch == 1


def test_what_is_to_be_sent_again_is_told_and_begun():
    heart = Heart()
    append(heart.outbox, 0)
    heart.answer(send_again=tuple([(7, 1, 1)] + [(7, n, n) for n in range(100, 180, 2)]))
    told = [said for said in heart.said if said[0] == "asked_again"]
    assert told[0] == ("asked_again", 7, 1, 1) and len(told) == 8
    assert heart.again.walking and following(heart.again) == (7, 1)


def test_a_list_that_was_worked_off_brings_the_next_heartbeat_early():
    heart = Heart()
    append(heart.outbox, 0)
    report(heart.beats, 0)
    heart.answer(send_again=((7, 1, 1),), now=1)
    assert following(heart.again) == (7, 1)
    heart.again.answered += 1
    assert following(heart.again) is None
    assert report(heart.beats, 100) is None and heart.beats.due_ms == 100 + RETRY_MS
    # the same list again brings nothing new
    assert report(heart.beats, 100 + RETRY_MS)
    heart.answer(send_again=((7, 1, 1),), asked_ms=100 + RETRY_MS, now=200 + RETRY_MS)
    while heart.again.walking:
        following(heart.again)
        heart.again.answered += 1
    assert report(heart.beats, 300 + RETRY_MS) is None and heart.beats.due_ms > HOUR_MS


def test_a_rotation_without_memory_is_named_and_offered_again():
    heart = Heart()
    heart.board.fault = MemoryError()
    heart.answer(next_key=heart.offer())
    assert heart.said[-1] == ("not_rotated", 2, "memory") and heart.keys.epoch == 1
    heart.board.fault = None
    heart.answer(next_key=heart.offer())
    assert heart.said[-1] == ("rotated", 2) and heart.keys.epoch == 2


def test_older_journals_have_their_say_half_a_minute_apart_and_again_every_hour():
    outbox = shelf()
    append(outbox, 0)
    outbox.new_journal(9)
    append(outbox, 0)
    append(outbox, 0)
    outbox.new_journal(11)
    heart, now = Heart(outbox), 0
    for hour in range(2):
        for span, wait_ms in (((11, 1, 0), RETRY_MS), ((7, 1, 1), RETRY_MS), ((9, 1, 2), HOUR_MS)):
            assert report(heart.beats, now)[8] == span, hour
            # unanswered it says the same again
            assert report(heart.beats, heart.beats.due_ms)[8] == span
            heart.answer(asked_ms=now, now=now)
            assert heart.beats.due_ms == now + wait_ms
            now += wait_ms
    connected(heart.beats, now)
    assert report(heart.beats, now)[8] == (11, 1, 0)


def test_an_older_journal_waits_while_what_was_asked_for_is_being_sent():
    """Its list would take the place of the one that is not worked off."""
    outbox = shelf()
    append(outbox, 0)
    outbox.settle(7, 1, 0)
    outbox.new_journal(9)
    append(outbox, 0)
    outbox.settle(9, 1, 0)
    heart = Heart(outbox)
    assert report(heart.beats, 0)[8][0] == 9
    heart.answer(send_again=((9, 1, 1),), now=0)
    assert report(heart.beats, RETRY_MS) is None and heart.again.walking
    while heart.again.walking:
        following(heart.again)
    assert report(heart.beats, 2 * RETRY_MS)[8][0] == 7


def test_no_epoch_is_given_up_before_older_journals_had_their_say_and_were_not_asked_for():
    outbox = shelf()
    append(outbox, 0)
    outbox.new_journal(9)
    heart = Heart(outbox)
    report(heart.beats, 0)
    heart.answer(next_key=heart.offer())
    heart.keys.entered = True
    now = 1

    def cycle(asked):
        nonlocal now
        listed = []
        for journal in (9, 7):
            said = report(heart.beats, now)
            assert said[8][0] == journal
            listed.append(said[9])
            again = ((7, 1, 1),) if asked and journal == 7 else None
            heart.answer(epoch=2, asked_ms=now, now=now, send_again=again)
            while heart.again.walking:
                following(heart.again)
            now = heart.beats.due_ms
        return listed

    assert cycle(True) == [(1,), (1,)]
    assert cycle(False) == [(1,), (1,)]
    assert cycle(False) == [(), ()]
    assert heart.keys.held == ((2, NEXT),)
