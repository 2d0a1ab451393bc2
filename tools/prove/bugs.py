"""Mistakes that others made, or that we nearly made, each as a small edit of our own code.

Law: a mistake is what a good engineer could write on a bad day; it leaves the program working as
long as nothing goes wrong. `finds` are words of the findings by which it must show itself: a
mistake that makes the program or the simulation fall over proves nothing of the checker.
`within_seeds`: so many seeds find it, measured and then given some room. `options` are set on top
of what a seed draws, where the trouble that a mistake needs is drawn seldom; they are trouble that
the correct program survives. Such a mistake may pass `make prove`: `as_drawn` tells what became of
it there. tools/prove/planting.py puts mistakes in.
"""

from typing import NamedTuple

from tools.prove.findings import (
    BALANCE_DIFFERS,
    CLAIMED,
    CLOCK_WRONG,
    DOUBLED,
    FOREIGN_REPLY,
    HELD_WITHOUT_CAUSE,
    LOST,
    NOT_CANCELLED,
    NOT_DRAINED,
    NOT_TAKEN,
    POSTED_WITHOUT_RIGHT,
    REFUSED_WITHOUT_CAUSE,
    REPLY_DIFFERED,
    SCREEN_DIFFERS,
    TRACE_REUSED,
    UNTAPPED,
    UNTAPPED_MESSAGE,
    VERDICT_IGNORED,
    VOIDED_BUT_COUNTS,
    WRONG_DATE,
    WRONG_POINTS,
)


class Edit(NamedTuple):
    """`text` stands exactly once in the module and is replaced."""

    module: str
    text: str
    replacement: str


SEEDS, RACES = "seeds", "races"


class Bug(NamedTuple):
    """`ring`: what must find it: seeds of `make prove`, or of two gateways on PostgreSQL whose
    statements interleave (tests/support/race.py). `as_drawn`: what seeds from 0 on found
    without the `options`, measured on 2026-11-22 by running those of them that draw the trouble it
    needs; guarded by no test: the first seed that finds a rare thing is another after any change.
    """

    about: str
    edits: tuple[Edit, ...]
    finds: tuple[str, ...]
    within_seeds: int
    options: tuple[str, ...] = ()
    as_drawn: str = ""
    ring: str = SEEDS


_PUMP = "        self.link.sent(key, publish(frame))\n"
_WRITTEN = "        self.device.ioctl(SYNC, 0)\n        self.end += slots\n"
_RESTORED = ("restores=2", "planted=0", "flash_put_backs=0", "outbox_blocks=32",
             "redemptions_per_100=25", "refunds_per_100=20")
_OUTCOMES_REPLACED = (
    Edit("gateway.storing",
         "audit_key, \"outcomes\", row)) for row in rows])\n",
         "audit_key, \"outcomes\", row)) for row in rows],\n"
         "        key=(\"origin\", \"operation_key\"))\n"),
    Edit("gateway.storing",
         "    bulk.insert(connection, frames, FRAME_COLUMNS, frame_rows)\n",
         "    bulk.insert(connection, frames, FRAME_COLUMNS, frame_rows,\n"
         "                key=(\"month\", \"origin\", \"operation_key\"))\n"))

BUGS: dict[str, Bug] = {
    # ---- the handset ----
    "free on PUBACK": Bug(
        "the broker's PUBACK is taken for the gateway's answer",
        (Edit("firmware.uplink",
              "            self._dispatch.link.acked(event[1], now)\n",
              "            dispatch = self._dispatch\n"
              "            for slot in list(dispatch.link.window):\n"
              "                if slot.packet_id == event[1]:\n"
              "                    dispatch._outbox.settle(*slot.key, 0)\n"
              "                    dispatch.link.settled(slot.key)\n"),), (NOT_DRAINED,), 10),
    "RAM-only in-flight": Bug(
        "what was handed to the network waits for its answer in RAM only",
        (Edit("firmware.dispatch", _PUMP,
              _PUMP + "        if self._outbox.settle(*key, 0):\n"
              "            self._outbox._unsettled.add(*key)\n"),),
        (CLAIMED, NOT_DRAINED), 30),
    "trace reused after a cut": Bug(
        "the next trace comes from block headers alone",
        (Edit("firmware.outbox",
              "                self.last_trace = max(self.last_trace, record.trace)\n",
              "                pass\n"),), (TRACE_REUSED,), 10),
    "trace restarted after the ring lapped": Bug(
        "counting begins anew with the first block of the ring",
        (Edit("firmware.outbox", "        self.last_trace = trace\n",
              "        lapped = not block and getattr(self, \"_written_to\", 0)\n"
              "        self._written_to = block\n"
              "        self.last_trace = 0 if lapped else trace\n"),),
        (TRACE_REUSED,), 10, ("outbox_blocks=9", "lived_taps=225", "terminals=1", "taps=130"),
        "found by seed 31"),
    "tail believed at mount": Bug(
        "what was written last is trusted after a power cut (F12)",
        (Edit("firmware.outbox",
              "            make_sure(ring, newest, found)\n",
              "            ring.end = 1\n"
              "            while ring.end < 128 and ring.read(ring.head, ring.end):\n"
              "                ring.end += ring.record.slots\n"),), (CLAIMED,), 30),
    "said before sync": Bug(
        "a tap is told saved although flash was not synced",
        (Edit("firmware.outbox_ring", _WRITTEN, "        self.end += slots\n"),), (CLAIMED,), 30),
    "settle before sync": Bug(
        "an answer is shown although its record may not be on flash",
        (Edit("firmware.outbox_ring", _WRITTEN,
              "        if slots > 1:\n"
              "            self.device.ioctl(SYNC, 0)\n        self.end += slots\n"),),
        (CLAIMED,), 60),
    "settle kept in RAM": Bug(
        "an answer is not written at all when the handset is busy",
        (Edit("firmware.outbox",
              "        ring.write(0, write_settle(ring.claim(), journal, trace, code, points, "
              "receipt,\n                                   money_minor, int(quiet)))\n",
              "        if trace % 8:\n"
              "            ring.write(0, write_settle(ring.claim(), journal, trace, code, points,"
              " receipt, money_minor))\n"),), (UNTAPPED_MESSAGE,), 30),
    "reply without MAC check": Bug(
        "whoever can write to the down topic settles taps",
        (Edit("firmware.session",
              "        if not frames.authentic(key, DOWN, parts):\n",
              "        if parts is None:\n"),),
        (FOREIGN_REPLY,), 60, ("down_corrupt_per_1000=200",), "found by seed 98"),
    "reply without digest check": Bug(
        "a reply to another frame of the same trace settles what is there now",
        (Edit("firmware.session", "    if frames.digest(frame) != reply.digest:\n",
              "    if frame is None:\n"),),
        (FOREIGN_REPLY,), 120),
    "retry as a new message": Bug(
        "an unanswered tap is journaled anew, as clients with a new packet id do (F4)",
        (Edit("firmware.dispatch", _PUMP,
              "        slot = [each for each in self.link.window if each.key == key]\n"
              "        if slot and slot[0].sends == 1 and self._outbox.waits(*key):\n"
              "            from firmware.recall import content\n"
              "            from protocol import cbor, frames\n"
              "            said = content(frame)\n"
              "            said[2] = self._outbox.next_trace\n"
              "            if said[1] == self._outbox.journal:\n"
              "                again = frames.seal(self.keys.key, 1, self._terminal_id,\n"
              "                                    self.keys.epoch, cbor.encode(said))\n"
              "                self._outbox.append(said[2], again)\n"
              "                self.link.appended()\n"
              "                self._outbox.settle(*key, 0)\n"
              "                self.link.settled(key)\n"
              "                return\n" + _PUMP),),
        (UNTAPPED_MESSAGE,), 10),
    "clock set from a stored reply": Bug(
        "every reply sets the clock, also one that was stored for days",
        (Edit("firmware.dispatch",
              "        becomes = autovoid.SETTLE\n        if self.cancels",
              "        self._clock.set(reply.at, now)\n"
              "        becomes = autovoid.SETTLE\n        if self.cancels"),), (CLOCK_WRONG,), 60),
    "2000 epoch": Bug(
        "the clock counts from 2000 as ESP32's does (F15)",
        (Edit("firmware.clock",
              "        return min(self._at + age_s, U32_MAX), age_s, None, None\n",
              "        return self._at + age_s - 946684800, age_s, None, None\n"),),
        (CLOCK_WRONG,), 5),
    "packet id not wrapped": Bug(
        "packet ids count on beyond 16 bits (F3); they begin near the end to get there",
        (Edit("firmware.mqtt",
              "        self._packet_id = 0\n", "        self._packet_id = 65500\n"),
         Edit("firmware.mqtt",
              "            self._packet_id = self._packet_id % 65535 + 1\n",
              "            self._packet_id = self._packet_id + 1\n")), (NOT_DRAINED,), 5),
    "outbox overwrites when full": Bug(
        "the oldest block goes when there is no room for a new tap",
        (Edit("firmware.outbox",
              "        if not self.room(len(frame), reserve, flags, spare):\n",
              "        if not self.room(len(frame), reserve, flags, spare):\n"
              "            self._ring.advance_tail()\n"
              "            self._ring.open(self.journal, self.last_trace)\n"
              "        if self._ring.head_room < slots_of(len(frame), flags):\n"),),
        (CLAIMED, NOT_DRAINED), 90),
    "settle refused when full": Bug(
        "an answer needs as much room as a tap",
        (Edit("firmware.outbox",
              "        if not ring.head_room:\n            self._need_slot()\n"
              "        self.doubtful = True\n        ring.write(0, write_settle(",
              "        if not self._make_room(4, False):\n"
              "            raise OutboxFull(\"full\")\n"
              "        self.doubtful = True\n        ring.write(0, write_settle("),),
        (NOT_DRAINED,), 90),
    "auto-format on mount error": Bug(
        "an outbox that cannot be read is made new (F13)",
        (Edit("firmware.outbox", "            newest, found = find_head(ring)\n",
              "            try:\n                newest, found = find_head(ring)\n"
              "            except OutboxUnreadable:\n"
              "                format_outbox(ring.device, 77)\n"
              "                newest, found = find_head(ring)\n"),), (CLAIMED,), 60),
    "conflict drops the tap": Bug(
        "a message the gateway calls a conflict is settled and not journaled again",
        (Edit("firmware.dispatch", "        if verdict == rules.CONFLICT:\n",
              "        if not key:\n"),), (LOST,), 60),
    "highest trace ignored": Bug(
        "a terminal whose flash is older than it knows does not continue above the gateway",
        (Edit("firmware.beats", "            outbox.raise_trace(reply.highest_trace)\n",
              "            pass\n"),), (TRACE_REUSED,), 100,
        ("flash_put_backs=3", "flash_put_back_s_max=60"), "found by seed 654"),
    "tap refused for nothing": Bug(
        "a handset says its outbox is full when it is not",
        (Edit("firmware.app", "        key = (self.outbox.journal, self.outbox.next_trace)\n",
              "        key = (self.outbox.journal, self.outbox.next_trace)\n"
              "        if self.outbox.unsettled > 2:\n"
              "            return (\"full\",)\n"),), (NOT_TAKEN,), 5),
    "tap refused ever after": Bug(
        "a handset whose heap ran out once takes no sale until it is switched off and on",
        (Edit("firmware.app",
              "            self._in_doubt = key, kind, fields.get(\"original\")\n",
              "            self._in_doubt = key, kind, fields.get(\"original\")\n"
              "            self._starved = isinstance(error, MemoryError)\n"),
         Edit("firmware.app", "        key = (self.outbox.journal, self.outbox.next_trace)\n",
              "        key = (self.outbox.journal, self.outbox.next_trace)\n"
              "        if getattr(self, \"_starved\", False):\n"
              "            return (\"full\",)\n")), (NOT_TAKEN,), 5, ("heap_per_1000=60",),
        "found by seed 40"),
    "balance of before": Bug(
        "the screen shows the balance without the points of the tap",
        (Edit("firmware.views_answer",
              "is None else page.label(names.BALANCE, reply.balance)\n",
              "is None else page.label(names.BALANCE, reply.balance - (reply.points or 0))\n"),),
        (SCREEN_DIFFERS,), 5),
    # ---- the gateway ----
    "acknowledge before commit": Bug(
        "PUBACK goes out when a frame is taken, not when it is committed (F20)",
        (Edit("simulator.shore", "        crash = self.fate()\n",
              "        for each in taken:\n"
              "            self._session.acknowledge(each.number)\n"
              "            self.on_acknowledged(topics.terminal_of(each.topic) or 0,"
              " each.body)\n"
              "        crash = self.fate()\n"),), (CLAIMED,), 60),
    "frames decided again": Bug(
        "a repeated frame is decided anew, and its outcome replaces the first one",
        (Edit("gateway.judging",
              "    if known == message.frame_hash:\n        return _decided_before",
              "    if known == message.frame_hash and message.request.trace % 5 == 0:\n"
              "        known = None\n"
              "    if known == message.frame_hash:\n        return _decided_before"),
         *_OUTCOMES_REPLACED), (DOUBLED, REPLY_DIFFERED), 20),
    "reply sealed anew": Bug(
        "a repeated frame gets a reply of today instead of the stored bytes",
        (Edit("gateway.intake",
              "            return case, self.keyring.unlock(month_of(case.stored_at), bound, "
              "case.box)[1]\n",
              "            return case, reply_frame(self.keyring, case, now, None, None)\n"),),
        (REPLY_DIFFERED,), 20),
    "frame without MAC check": Bug(
        "a frame with a turned bit is believed",
        (Edit("gateway.opening",
              "    if not frames.authentic(keyring.terminal_key(terminal_id, epoch), UP, "
              "parts):\n",
              "    if parts is None:\n"),), (UNTAPPED,), 60),
    "synchronous=NORMAL": Bug(
        "a commit is reported before it is on disk (F31)",
        (Edit("gateway.database", "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"),),
        (CLAIMED,), 60),
    "poison blocks its batch": Bug(
        "one message that cannot be decided keeps all others of its batch back (F24)",
        (Edit("gateway.intake", "                if len(batch) > 1:\n",
              "                if len(batch) > 1 and batch is not None:\n"
              "                    raise TryLater(\"poison\") from fault\n"
              "                if len(batch) > 1:\n"),), ("wait behind a poisoned one",), 60),
    "sale refused for its terminal": Bug(
        "a suspended terminal's offline taps are refused instead of held",
        (Edit("gateway.decisions.sale",
              "    fault = (causes.place_fault(place, dated)\n             or",
              "    fault = causes.place_fault(place, dated)\n"
              "    if fault:\n"
              "        return Decision(fault)\n"
              "    fault = (fault or"),), (REFUSED_WITHOUT_CAUSE,), 120),
    "every tenth sale held": Bug(
        "a sale is given to HQ where nothing calls for it",
        (Edit("gateway.decisions.sale", "    rule_set = place.programme.rule_set_at(dated.at)\n",
              "    if message.request.trace % 10 == 0 and not overruled:\n"
              "        return held(\"doubt\")\n"
              "    rule_set = place.programme.rule_set_at(dated.at)\n"),),
        (HELD_WITHOUT_CAUSE,), 5),
    "a clock of the past is believed": Bug(
        "a tap is dated to whatever its handset says, if that is early enough",
        (Edit("gateway.decisions.dating", "    return _dated(programme, *found)\n",
              "    if message.request.at is not None and message.request.at * MS < found[0]:\n"
              "        found = (message.request.at * MS, *found[1:])\n"
              "    return _dated(programme, *found)\n"),), (WRONG_DATE,), 60),
    "HQ can never post": Bug(
        "a verdict to post is turned down, whatever holds the tap",
        (Edit("gateway.held", "    if posts and decision.code != POSTED:\n",
              "    if posts:\n"),), (VERDICT_IGNORED,), 5,
        ("terminals_suspended=2", "verdicts=6"), "found by seed 55"),
    "HQ posts what was voided": Bug(
        "a verdict does not ask whether a void came meanwhile",
        (Edit("gateway.held", "    if original.reversed:\n",
              "    if original.reversed and not posts:\n"),), (VOIDED_BUT_COUNTS,), 60,
        ("voids_per_100=30", "terminals_suspended=2", "verdicts=6"),
        "not found by seeds 0 to 1,499"),
    "tombstone in its own table": Bug(
        "a void that came first is noted where decisions on sales do not look",
        (Edit("gateway.storing", "        if back is not None and back.tombstone:\n",
              "        if back is None and case is None:\n"),), (VOIDED_BUT_COUNTS,), 60,
        # a handset's void comes first only where a restored gateway forgot the sale
        ("restores=2", "voids_per_100=30", "planted=0", "flash_put_backs=0", "outbox_blocks=32"),
        "found by seed 156"),
    # ---- points and bills ----
    "refund gives back twice": Bug(
        "a second refund of a bill gives back what the first one gave as well",
        (Edit("gateway.decisions.taken_back",
              "    before = standing(made, (made.amount_minor or 0) - whole.refunded_minor)\n",
              "    before = standing(made, made.amount_minor or 0)\n"),), (WRONG_POINTS,), 10),
    "refund of more than remains": Bug(
        "a refund is held against the whole bill, whatever was brought back before",
        (Edit("gateway.decisions.refund",
              "    if not 0 < amount_minor <= remaining_minor or",
              "    if not 0 < amount_minor <= (made.amount_minor or 0) or"),),
        (POSTED_WITHOUT_RIGHT,), 10),
    "redemption posts again": Bug(
        "a redemption that comes again is decided anew, and its outcome replaces the first one",
        (Edit("gateway.judging",
              "    if known == message.frame_hash:\n        return _decided_before",
              "    if known == message.frame_hash and message.request.type == 2:\n"
              "        known = None\n"
              "    if known == message.frame_hash:\n        return _decided_before"),
         *_OUTCOMES_REPLACED), (DOUBLED, REPLY_DIFFERED), 20),
    "void forgets the draws": Bug(
        "the void of a redemption takes back what the money earned and leaves the points taken",
        (Edit("gateway.decisions.taken_back",
              "Change(before.given, after.given, before.taken, after.taken,\n",
              "Change(before.given, after.given,\n"
              "                           *((before.taken, after.taken) if kind != REVERSAL\n"
              "                             else (0, 0)),\n"),), (VOIDED_BUT_COUNTS,), 20),
    "what was approved is decided anew": Bug(
        "after a restore a terminal's word on what it settled is not listened to",
        (Edit("gateway.judging", "    adopted = adoption.adopted(message, book)\n",
              "    adopted = adoption.adopted(message._replace(told=None), book)\n"),),
        (LOST,), 20, _RESTORED, "found by seed 41"),
    "a word is taken twice": Bug(
        "what a terminal says of a frame counts again when it says it again",
        (Edit("gateway.judging",
              "    if known == message.frame_hash:\n        return _decided_before",
              "    if known == message.frame_hash and message.told is not None:\n"
              "        known = None\n"
              "    if known == message.frame_hash:\n        return _decided_before"),
         *_OUTCOMES_REPLACED), (DOUBLED,), 30, _RESTORED, "not found by seeds 0 to 155"),
    "points beside a debt": Bug(
        "points that are earned leave the debt as it is",
        (Edit("gateway.holding",
              "        self._move(lot.id, points)\n        self.settle()\n\n"
              "    def take(self,",
              "        self._move(lot.id, points)\n\n    def take(self,"),),
        (BALANCE_DIFFERS, REFUSED_WITHOUT_CAUSE), 60),
    "left unanswered": Bug(
        "a redemption without an answer is not cancelled: whoever waits for it waits on",
        (Edit("firmware.autovoid", "    rows.append([key, now + VOID_AFTER_S * 1000, None, 0])\n",
              "    rows.append([key, now + VOID_AFTER_S * 1000000, None, 0])\n"),),
        (NOT_CANCELLED,), 20),
    # ---- two gateways at once ----
    "outcomes read before the lock": Bug(
        "what was decided is read before the terminals are locked, and a second outcome"
        " replaces the first",
        (Edit("gateway.loading", "    held_terminals = {row[0]",
              "    early = read_seen(connection, batch, wanted, [])\n"
              "    held_terminals = {row[0]"),
         Edit("gateway.loading",
              "    behind = read_seen(connection, batch, wanted, member_ids)\n",
              "    behind = early\n"),
         *_OUTCOMES_REPLACED),
        ("different replies", "points must be there"), 12, ring=RACES),
    "lock and read joined in one statement": Bug(
        "members are locked and their lots read in one statement: what it waits for it has"
        " read before (READ COMMITTED)",
        (Edit("gateway.loading", "    member_rows = bulk.select(connection, members,",
              "    joined = connection.exec_driver_sql(\n"
              "        f\"SELECT {','.join('l.' + name for name in LOT_COLUMNS)}\"\n"
              "        \" FROM members m LEFT JOIN lots l ON l.member_id = m.id\"\n"
              "        \" WHERE m.id = ANY(%s) ORDER BY m.id FOR NO KEY UPDATE OF m\",\n"
              "        ([each[0] for each in member_ids],)).fetchall() if member_ids else []\n"
              "    member_rows = bulk.select(connection, members,"),
         Edit("gateway.loading", "    lots_of = read_lots(connection, member_ids)\n",
              "    lots_of: dict[int, list[Lot]] = {}\n"
              "    for row in joined:\n"
              "        if row[0] is not None and (row[9] or row[10]):\n"
              "            lots_of.setdefault(row[1], []).append(Lot(*row))\n")),
        ("points must be there", "audit"), 20, ring=RACES),
    "counter by COUNT": Bug(
        "the next receipt number is how many there are plus one",
        (Edit("gateway.numbers", "            \"SELECT 1, nextval('entry_ids') FROM"
              " generate_series(1, %s) UNION ALL\"\n",
              "            \"SELECT 1, (SELECT count(*) FROM entries) + n"
              " FROM generate_series(1, %s) AS n UNION ALL\"\n"),),
        ("points must be there", "different replies"), 12, ring=RACES),
}
