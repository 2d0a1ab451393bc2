"""A life of an outbox under power cuts, and a model of what must be true after each of them.

The model knows what the caller was told and nothing of blocks, slots or headers. What was under
way when the power went may have happened or not; all else is certain. Runs on both interpreters;
the same seed gives the same life on both.
"""

from firmware.outbox import Outbox, OutboxFull, format_outbox
from simulator.flash import NorFlash, PowerCut

REPLAY = "POINTWIRE_CUT='CASE' python -m pytest tests/firmware/test_outbox_power_cut.py -k replay"
STORM = "POINTWIRE_STORM=CASE python -m pytest tests/firmware/test_outbox_power_cut.py -k storm"
SIZES = (93, 99, 300, 993, 1024, 93, 700, 1000)
BLOCKS = 8
MOVED_AWAY = (62, None, None)


class Dice:
    """Seeded random bits (xorshift32), equal on both interpreters."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 + 0x9E3779B9) & 0xFFFFFFFF or 1

    def getrandbits(self, count):
        value = 0
        for _ in range(0, count, 16):
            state = self._state
            state ^= (state << 13) & 0xFFFFFFFF
            state ^= state >> 17
            state ^= (state << 5) & 0xFFFFFFFF
            self._state = state
            value = value << 16 | state >> 16
        return value & ((1 << count) - 1)

    def below(self, count):
        return self.getrandbits(30) % count


class Model:
    """What the caller was told. Keys are (journal, trace)."""

    def __init__(self, journal):
        self.frames = {}
        self.settled = {}
        self.journal = journal
        self.highest = {journal: 0}
        self.newest = None
        self.last = None  # the newest as the merchant made it: what moves stays as old as it was
        self.doubt = None

    def copy(self):
        made = Model(self.journal)
        made.frames, made.settled = dict(self.frames), dict(self.settled)
        made.highest, made.newest, made.doubt = dict(self.highest), self.newest, self.doubt
        made.last = self.last
        return made

    def waiting(self):
        return [key for key in self.frames if key not in self.settled]

    def took(self, key, frame):
        assert key not in self.frames, f"trace {key[1]} was given twice"
        self.frames[key] = frame
        self.highest[key[0]] = max(self.highest[key[0]], key[1])
        self.newest = self.last = key

    def moved(self, old, key, frame):
        last = self.last
        self.took(key, frame)
        self.last = key if last == old else last
        self.settled[old] = MOVED_AWAY

    def turned(self, journal):
        self.journal = journal
        self.highest[journal] = 0

    def resolve(self, outbox, kept):
        """After a cut: see which way the doubtful operation went, from then on it is certain."""
        doubt, self.doubt = self.doubt, None
        if doubt is None:
            return
        what, key, value = doubt
        if what == "append" and key in kept:
            assert kept[key][0] == value, "another frame under the trace that was being written"
            self.took(key, value)
        elif what == "move" and value[0] in kept:
            self.moved(key, *value)
        elif what == "settle" and not outbox.waits(*key):
            self.settled[key] = value
        elif what == "raise" and outbox.next_trace > value:
            self.highest[self.journal] = value
        elif what == "journal" and outbox.journal == value:
            self.turned(value)

    def check(self, outbox):
        """Everything that must hold between two calls of any outbox with this history."""
        kept = {}
        for record in outbox.records():
            key = (record.journal, record.trace)
            assert key not in kept, f"trace {record.trace} is there twice"
            kept[key] = (record.frame, record.settled)
        self.resolve(outbox, kept)
        pending = list(outbox.pending())
        assert len(pending) == outbox.unsettled == len(set(pending))
        waiting = self.waiting()
        assert set(pending) == set(waiting), f"waits: {pending}, must wait: {waiting}"
        for key in waiting:
            assert key in kept, f"trace {key[1]} waits but is not kept"
            assert outbox.frame(*key) == self.frames[key], f"another frame: trace {key[1]}"
        for key, found in kept.items():
            assert found == (self.frames.get(key), self.settled.get(key)), key
        assert outbox.journal == self.journal
        assert outbox.next_trace > self.highest[self.journal], "a trace would be given twice"
        last = outbox.last()
        if self.last in kept:
            assert (last.journal, last.trace) == self.last, "not the newest tap"


class Life:
    """Takes taps, settles, voids, moves, raises, changes journal and restarts, as its dice say."""

    def __init__(self, seed, blocks=BLOCKS, sizes=SIZES, torn="mixed", found=None):
        """`found` is (device, model) of a life that goes on, else a fresh one begins."""
        self.dice = Dice(seed)
        self.sizes = sizes
        self.taps = self.refused = self.count = 0
        if found is None:
            model = Model(1 + self.dice.getrandbits(30))
            found = NorFlash(blocks, Dice(seed + 1), torn), model
            format_outbox(found[0], model.journal)
        else:
            self.count = 50000000 + seed % 1000000 * 10  # no frame of the life before
        self.device, self.model = found
        self.outbox = self.boot()

    def boot(self):
        """Mount, check, and be ready."""
        outbox = Outbox(self.device)
        outbox.mount()
        self.model.check(outbox)
        self.outbox = outbox
        return outbox

    def restart(self):
        """Power off between two operations and on again."""
        old = self.device
        self.device = old.reborn()
        self.device.before_operation, self.device.cut_at = old.before_operation, old.cut_at
        self.boot()

    def step(self):
        roll = self.dice.below(100)
        if roll < 40:
            self.tap()
        elif roll < 78:
            self.settle()
        elif roll < 84:
            self.tap(reserve=True)
        elif roll < 87:
            self.raise_trace()
        elif roll < 89:
            self.new_journal()
        elif roll < 92:
            self.move()
        elif roll < 96:
            self.restart()
        else:
            self.outbox.tidy()

    def tap(self, reserve=False):
        outbox, model = self.outbox, self.model
        self.count += 1
        size = self.sizes[self.dice.below(len(self.sizes))] if not reserve else 82
        key = (outbox.journal, outbox.next_trace)
        frame = (b"%08d" % self.count) * (size // 8 + 1)
        frame = frame[:size]
        model.doubt = ("append", key, frame)
        try:
            outbox.append(key[1], frame, reserve=reserve)
        except OutboxFull:
            model.doubt = None
            self.refused += 1
            return
        model.doubt = None
        model.took(key, frame)
        self.taps += 1

    # mostly the oldest; sometimes another; the first tap of all waits for ever
    def settle(self):
        waiting = self.model.waiting()
        if len(waiting) < 3:
            return
        place = 1 if self.dice.below(3) else 1 + self.dice.below(len(waiting) - 1)
        key = waiting[place]
        outcome = (self.dice.below(64), self.dice.below(2000) - 1000, 1 + self.dice.below(99999))
        self.model.doubt = ("settle", key, outcome)
        assert self.outbox.settle(key[0], key[1], *outcome)
        self.model.doubt = None
        self.model.settled[key] = outcome

    def move(self):
        """The gateway has another tap under this trace: the same again under another one."""
        waiting = self.model.waiting()
        if not waiting:
            return
        old = waiting[self.dice.below(len(waiting))]
        key = (self.outbox.journal, self.outbox.next_trace)
        frame = b"M" + self.model.frames[old][1:]
        self.model.doubt = ("move", old, (key, frame))
        try:
            self.outbox.append(key[1], frame, reserve=True, origin=old)
        except OutboxFull:
            self.refused += 1
        else:
            self.model.moved(old, key, frame)
        self.model.doubt = None

    def raise_trace(self):
        highest = self.outbox.next_trace + self.dice.below(5)
        self.model.doubt = ("raise", None, highest)
        self.outbox.raise_trace(highest)
        self.model.doubt = None
        self.model.highest[self.model.journal] = highest

    def new_journal(self):
        journal = 1 + self.dice.getrandbits(30)
        self.model.doubt = ("journal", None, journal)
        self.outbox.new_journal(journal)
        self.model.doubt = None
        self.model.turned(journal)


class Moment:
    """The instant before one flash operation of a life: enough to let the power go right there."""

    def __init__(self, life, operation):
        self.device = life.device.copy()
        self.model = life.model.copy()
        self.operation = operation
        self.count = life.count

    def cut(self, torn, seed):
        """The device and model after a power cut in this operation, left in this mode."""
        device = self.device.copy(Dice(seed), torn)
        device.cut_at = device.operations + 1
        kind, block, offset, data = self.operation
        try:
            if kind == "erase":
                device.ioctl(6, block)
            else:
                device.writeblocks(block, data, offset)
        except PowerCut:
            pass
        return device.reborn(), self.model.copy()


def moments(seed, taps, **options):
    """Every flash operation of a life of so many taps, formatting aside; then the life."""
    life = Life(seed, **options)
    found = []

    def note(*operation):
        found.append(Moment(life, operation))

    life.device.before_operation = note
    while life.taps < taps:
        life.step()
    return found, life


def live_on(device, model, seed, steps):
    """Mount what a cut left behind, check it, use it, restart it, check it again."""
    life = Life(seed, found=(device, model))
    for _ in range(steps):
        life.tap()
        life.settle()
    life.restart()
    return life


def operations_of_mount(device):
    """How many programs and erases a mount of this flash takes, without touching it."""
    device = device.copy()
    before = device.operations
    Outbox(device).mount()
    return device.operations - before


def try_cut(found, seed, number, torn, second=None):
    """Cut life `seed` in operation `number`; with `second`, cut the mount that follows too.

    AssertionError names the case and the command that replays it.
    """
    try:
        device, model = found[number].cut(torn, seed * 7919 + number)
        if second is not None:
            device = device.copy(Dice(number * 101 + second))
            device.cut_at = device.operations + 1 + second
            try:
                Outbox(device).mount()
            except PowerCut:
                pass
            device = device.reborn()
        live_on(device, model, seed + number, 2)
    except Exception as error:
        case = f"{seed}:{number}:{torn}" + ("" if second is None else f":{second}")
        operation = found[number].operation[:3]
        raise AssertionError(f"power cut {case} in {operation}: {error!r}\nreplay: {REPLAY}"
                             .replace("CASE", case))


def cut_everywhere(seed, taps, modes):
    """Every operation of a life, each torn in each mode; how many cuts that were."""
    found, _ = moments(seed, taps)
    for torn in modes:
        for number in range(len(found)):
            try_cut(found, seed, number, torn)
    return len(found) * len(modes)


def cut_twice(seed, taps, torn, every=1):
    """Every operation of a life, and behind it each (or each n-th) of the mount that follows."""
    found, _ = moments(seed, taps)
    count = 0
    for number in range(len(found)):
        device, _ = found[number].cut(torn, seed * 7919 + number)
        for second in range(count % every, operations_of_mount(device), every):
            try_cut(found, seed, number, torn, second)
            count += 1
    return count


def replay(case, taps):
    """Run one case as `try_cut` named it."""
    seed, number, torn, second = (case.split(":") + [""])[:4]
    found, _ = moments(int(seed), taps)
    try_cut(found, int(seed), int(number), torn, int(second) if second else None)


def storm(seed, boots, **options):
    """So many boots, each ended by a power cut somewhere, often while it still mounts."""
    life = Life(seed, **options)
    dice = Dice(seed + 2)
    mounted = 0
    try:
        for _ in range(boots):
            life.device = life.device.reborn()
            within = (2, 5, 8, 12, 16, 20, 40, 90)[dice.below(8)]
            life.device.cut_at = life.device.operations + 1 + dice.below(within)
            try:
                life.boot()
                mounted += 1
                while True:
                    life.step()
            except PowerCut:
                pass
        life.device = life.device.reborn()
        life.boot()
    except Exception as error:
        raise AssertionError(f"storm {seed}: {error!r}\nreplay: {STORM}"
                             .replace("CASE", str(seed)))
    return life, mounted
