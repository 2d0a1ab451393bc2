# ruff: noqa: B023 - each story is told within its own turn of the loop
"""AT commands one at a time: late answers, data mode, the escape. Runs on both."""

import asyncio

from firmware import faults
from firmware.board.at import At, ModemError
from firmware.board.at_parser import (
    CME,
    CONNECT,
    ERROR,
    NO_CARRIER,
    OK,
    RESTARTED,
    TIMEOUT,
)
from tests.firmware.virtual_time import now_ms, run


class Scripted:
    """A modem of a few lines: `says` maps a command to (after ms, bytes) pairs; what is not in it
    gets no answer. `late`: answers that come when something else is asked."""

    def __init__(self, now, says):
        self.now = now
        self.says = says
        self.heard = []
        self.out = []

    def write(self, data):
        for line in data.split(b"\r"):
            if line:
                self.heard.append(line)
                for after_ms, answer in self.says.get(line, ()):
                    self.out.append((self.now() + after_ms, answer))
        self.out.sort()

    async def drain(self):
        pass

    async def read(self, most):
        while True:
            if self.out and self.out[0][0] <= self.now():
                when, data = self.out.pop(0)
                if data[most:]:
                    self.out.insert(0, (when, data[most:]))
                return data[:most]
            await asyncio.sleep_ms(10)


MARKERS = {b"AT+IFC?": ((20, b"\r\n+IFC: 0,0\r\n\r\nOK\r\n"),),
           b"AT+ICF?": ((20, b"\r\n+ICF: 3,3\r\n\r\nOK\r\n"),),
           b"AT+IPR?": ((20, b"\r\n+IPR: 0\r\n\r\nOK\r\n"),),
           b"AT+CMEE?": ((20, b"\r\n+CMEE: 2\r\n\r\nOK\r\n"),),
           b"AT+CSCS?": ((20, b'\r\n+CSCS: "IRA"\r\n\r\nOK\r\n'),),
           b"AT+CRC?": ((20, b"\r\n+CRC: 0\r\n\r\nOK\r\n"),)}


def played(story, says, urcs=None):
    both = dict(MARKERS)
    both.update(says)
    modem = Scripted(now_ms, both)
    engine = At(modem, modem, now_ms, lambda: None, urcs and urcs.append)
    return run(story(engine, modem, now_ms))


def test_one_command_one_answer_and_what_nobody_asked_for_beside():
    urcs = []

    async def story(engine, modem, now):
        answer = await engine.command(b"AT+CSQ", 1000, b"+CSQ:")
        assert answer == (OK, None, (b"+CSQ: 14,0",))
        answer = await engine.command(b"AT+CPIN?", 1000, b"+CPIN:")
        assert answer == (CME, 10, ())
        return await engine.command(b"AT+NEVER", 1000)

    urcs.append("")
    assert played(story, {
        b"AT+CSQ": ((5, b"\r\n+CSQ: 14,0\r\n"), (6, b"\r\nDST: 0\r\n"), (9, b"\r\nOK\r\n")),
        b"AT+CPIN?": ((5, b"\r\n+CME ERROR: 10\r\n"),)}, urcs).result == TIMEOUT
    assert urcs == ["", b"DST: 0"]


def test_a_late_answer_is_never_taken_for_the_next_ones():
    async def story(engine, modem, now):
        # a real modem answers in order: everything behind A waits for A
        modem.write = ordered(modem)
        late = await engine.command(b"AT+A", 1000)
        assert late.result == TIMEOUT
        results = []
        for _ in range(12):
            results.append((await engine.command(b"AT+B", 1000)).result)
        # the error is A's, and no OK that came of finding that out is taken for B's answer
        assert ERROR not in results and OK not in results and CME in results, results
        assert results[results.index(CME):] == [CME] * len(results[results.index(CME):])
        assert results[0] == CME or after_ms > 4900

    for after_ms in range(1100, 20000, 370):
        played(story, {b"AT+A": ((after_ms, b"\r\nERROR\r\n"),),
                       b"AT+B": ((20, b"\r\n+CME ERROR: 3\r\n"),)})


def test_of_late_questions_none_is_taken_for_another():
    async def story(engine, modem, now):
        modem.write = ordered(modem)
        values = []
        for _ in range(12):
            answer = await engine.command(b"AT+C%d" % len(values), 1000, b"+C:")
            values.append(answer.lines)
        assert [each for each in values if each] and values == [
            (b"+C: %d" % at,) if values[at] else () for at in range(12)], values

    for after_ms in range(1100, 20000, 370):
        says = {}
        for number in range(12):
            when = after_ms if number == 0 else 20
            says[b"AT+C%d" % number] = ((when, b"\r\n+C: %d\r\n\r\nOK\r\n" % number),)
        played(story, says)


def test_nor_where_what_is_owed_comes_one_by_one():
    async def story(engine, modem, now):
        modem.write = ordered(modem, 400)
        assert (await engine.command(b"AT+A", 1000)).result == TIMEOUT
        for _ in range(4):
            answer = await engine.command(b"AT+B", 1000)
            assert answer.result in (CME, TIMEOUT), (after_ms, answer)
        assert answer.result == CME

    for after_ms in range(1100, 4000, 170):
        played(story, {b"AT+A": ((after_ms, b"\r\nERROR\r\n"),),
                       b"AT+B": ((20, b"\r\n+CME ERROR: 3\r\n"),)})


# nothing is answered before what was asked earlier, and each `gap_ms` behind the one before it
def ordered(modem, gap_ms=0):
    write = modem.write

    def wrapped(data):
        last_ms = modem.out[-1][0] + gap_ms if modem.out else 0
        before = list(modem.out)
        write(data)
        modem.out = before + [(max(when, last_ms), answer) for when, answer in modem.out
                              if (when, answer) not in before]
    return wrapped


def test_an_ok_without_the_line_that_was_asked_for_is_somebody_elses():
    async def story(engine, modem, now):
        return await engine.command(b"AT+CSQ", 1000, b"+CSQ:")

    answer = played(story, {b"AT+CSQ": ((5, b"\r\nOK\r\n"), (9, b"\r\n+CSQ: 3,0\r\n\r\nOK\r\n"))})
    assert answer == (OK, None, (b"+CSQ: 3,0",))


def test_a_modem_that_starts_anew_ends_the_wait_at_once():
    async def story(engine, modem, now):
        await engine.sync()
        start_ms = now()
        answer = await engine.command(b"AT+CGATT=1", 60000)
        assert now() - start_ms < 200 and engine.restarts == 1
        return answer.result

    assert played(story, {b"AT+CGATT=1": ((100, b"\r\nRDY\r\n"),)}) == RESTARTED


def test_not_one_byte_behind_connect_is_read_and_no_command_goes_out_as_data():
    async def story(engine, modem, now):
        answer = await engine.dial(b"ATD*99#", 30000)
        assert answer.result == CONNECT and engine.in_data
        assert await asyncio.wait_for_ms(modem.read(100), 1000) == b"~\xff}#the first frame~"
        heard = list(modem.heard)
        for asking in (engine.command(b"AT", 1000), engine.dial(b"ATD*99#", 1000), engine.sync()):
            try:
                await asking
                raise AssertionError("a command went out as data")
            except ModemError as error:
                assert error.args[1] == faults.PPP_STUCK
        assert modem.heard == heard

    played(story, {b"ATD*99#": ((50, b"\r\nCONNECT\r\n~\xff}#the first frame~"),)})


def test_the_escape_has_its_silence_before_and_behind_it():
    async def story(engine, modem, now):
        await engine.dial(b"ATD*99#", 30000)
        start_ms = now()
        del modem.heard[:]
        assert await engine.escape()
        assert now() - start_ms >= 1000 and modem.heard == [b"+++"]
        assert (await engine.hang_up(1000)).result == NO_CARRIER

    played(story, {b"ATD*99#": ((50, b"\r\nCONNECT\r\n"),), b"+++": ((1000, b"\r\nOK\r\n"),),
                   b"ATH": ((9, b"\r\nNO CARRIER\r\n\r\nOK\r\n"),)})


def test_a_call_that_has_ended_by_itself_needs_no_escape():
    async def story(engine, modem, now):
        await engine.dial(b"ATD*99#", 30000)
        await asyncio.sleep_ms(500)
        assert await engine.escape()
        assert b"+++" not in modem.heard

    played(story, {b"ATD*99#": ((50, b"\r\nCONNECT\r\n"), (400, b"~half\r\nNO CARRIER\r\n"))})


def test_without_any_proof_it_stays_in_data_mode():
    async def story(engine, modem, now):
        await engine.dial(b"ATD*99#", 30000)
        modem.says = {}
        assert not await engine.escape() and engine.in_data
        engine.reset()
        assert not engine.in_data

    played(story, {b"ATD*99#": ((50, b"\r\nCONNECT\r\n"),)})


def test_a_long_deadline_shows_progress_all_the_time():
    modem = Scripted(now_ms, MARKERS)
    shown = []
    engine = At(modem, modem, now_ms, lambda: shown.append(now_ms()))

    async def story():
        await engine.command(b"AT+CGATT=1", 60000)

    run(story())
    assert max([shown[at] - shown[at - 1] for at in range(1, len(shown))]) <= 2000
