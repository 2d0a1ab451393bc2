"""Mistakes that can be planted in the outbox by name, to see the proof fail.

Each is (module, text, replacement): the text stands exactly once in the module.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tests.firmware import outbox_life

ROOT = Path(__file__).resolve().parents[2]

MUTANTS = {
    "the tail is believed at mount": (
        "firmware.outbox",
        "            make_sure(ring, newest, found)\n",
        "            ring.end = 1\n"
        "            while ring.end < 128 and ring.read(ring.head, ring.end):\n"
        "                ring.end += ring.record.slots\n"),
    "a copied block gets its header first": (
        "firmware.outbox_mount",
        "    ring.erase(target, newest)\n",
        "    ring.erase(target, newest)\n"
        "    ring.put_header(target, Header(\n"
        "        VERSION, newest.copied_end, newest.previous_end, ring.blocks, sequence,\n"
        "        newest.home, newest.tail, newest.journal, newest.last, 1))\n"),
    "the home is erased before the copy is complete": (
        "firmware.outbox_mount",
        "    ring.device.ioctl(SYNC, 0)\n    made =",
        "    ring.device.ioctl(SYNC, 0)\n    if target != newest.home:\n"
        "        ring.erase(newest.home, newest)\n    made ="),
    "the fresh block is taken for erased": (
        "firmware.outbox_mount",
        "    ring.erase(fresh, made)\n",
        "    ring.erased = fresh\n"),
    "a program is not synced": (
        "firmware.outbox_ring",
        "        self.device.ioctl(SYNC, 0)\n        self.end += slots\n",
        "        self.end += slots\n"),
    "a block is opened without being erased": (
        "firmware.outbox_ring",
        "        if self.erased != block:\n",
        "        if self.erased == -2:\n"),
    "a header needs no CRC": (
        "firmware.outbox_format",
        "    if not _sealed(memoryview(buffer), 0, _HEADER_CRC_AT):\n        return None\n", ""),
    "a tap needs no CRC": (
        "firmware.outbox_format",
        "            if crc32(body, seed) != unpack_from(\"<I\", view, at + _TAP_CRC_AT)[0]:\n",
        "            if seed and not body:\n"),
    "the next trace comes from headers alone": (
        "firmware.outbox",
        "                self.last_trace = max(self.last_trace, record.trace)\n",
        "                pass\n"),
    "a raised trace stays in RAM": (
        "firmware.outbox",
        "            self._note(self.journal, highest)\n",
        "            self.last_trace = highest\n"),
    "a new journal stays in RAM": (
        "firmware.outbox",
        "            self._note(journal, 0)\n",
        "            self.journal, self.last_trace = journal, 0\n"),
    "unsettled taps are not carried along": (
        "firmware.outbox",
        "if record.kind == TAP and passed and waiting.has(*key):",
        "if record.kind == TAP and passed and waiting.has(*key) and not slots:"),
    "an interrupted round starts over": (
        "firmware.outbox",
        "        passed = self._copied[0] != source\n",
        "        passed = True\n"),
    "copies count beside their originals": (
        "firmware.outbox",
        "record.kind == TAP and record.source < ring.tail_sequence:",
        "record.kind == TAP:"),
    "an answer is forgotten at mount": (
        "firmware.outbox",
        "            self._replay_settled((record.journal, record.trace))\n",
        "            pass\n"),
    "a moved tap leaves the old one waiting": (
        "firmware.outbox",
        "            self._replay_settled(read_origin(",
        "            len(read_origin("),
    "new taps use up the reserve": (
        "firmware.outbox",
        "        return self._ring.free > (_VOID_BLOCKS if leaves else RESERVE_BLOCKS)\n",
        "        return self._ring.free > 0\n"),
    "an unreadable outbox is formatted": (
        "firmware.outbox",
        "            newest, found = find_head(ring)\n",
        "            try:\n                newest, found = find_head(ring)\n"
        "            except OutboxUnreadable:\n                format_outbox(ring.device, 1)\n"
        "                newest, found = find_head(ring)\n"),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The firmware with this mistake, as seen by tests.firmware.outbox_life."""
    target, text, replacement = MUTANTS[name]
    own = [each for each in sys.modules if each.startswith("firmware.outbox")]
    saved = {each: sys.modules.pop(each) for each in own}
    names = ("Outbox", "OutboxFull", "format_outbox")
    kept = {each: getattr(outbox_life, each) for each in names}
    try:
        source = (ROOT / (target.replace(".", "/") + ".py")).read_text()
        if source.count(text) != 1:
            raise LookupError(f"{name}: the text to replace stands {source.count(text)} times")
        module = ModuleType(target)
        sys.modules[target] = module
        exec(compile(source.replace(text, replacement), target, "exec"), module.__dict__)
        outbox = importlib.import_module("firmware.outbox")
        for each in names:
            setattr(outbox_life, each, getattr(outbox, each))
        yield
    finally:
        for each in [each for each in sys.modules if each.startswith("firmware.outbox")]:
            del sys.modules[each]
        sys.modules.update(saved)
        for each in names:
            setattr(outbox_life, each, kept[each])
