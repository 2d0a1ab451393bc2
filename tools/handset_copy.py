"""A prepared folder onto a connected board, so that no tap on it is ever lost.

Law:
- An outbox with unsent taps stays, and the settings that come are able to answer for each of them:
  of the same terminal, with every key that the board holds. Else it is refused, and nothing was
  changed; only who erases the outbox by name loses what is in it.
- Only a blank outbox, or that of another terminal without an unsent tap, is formatted unasked, and
  always with a journal that no handset had before.
- `main.py` goes first and comes last, so a board on which copying broke off starts no mixture of
  two programs; settings are written beside the old ones and renamed. What landed is not sent
  twice.
- In the end the board's own digests are compared, and its outbox is looked at again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from firmware import settings as handset
from firmware.errors import SettingsError
from firmware.settings import Settings
from tools.board_link import BLANK, MISSING, Board, OutboxSeen
from tools.errors import NotReady, Refused
from tools.handset_flash import MAIN, SETTINGS, Prepared, digest, fresh_journal

NEW = ".new"
OPERATORS = "operators"
PROGRAM = (".mpy", ".new")
UNCHANGED = "Nothing on the board was changed."

Progress = Callable[[str, int, int], None]


class Plan(NamedTuple):
    """What is done: these settings, the outbox `formatted` (why, or ""), how many taps that
    loses, and whether the board was another terminal's."""

    settings: Settings
    formatted: str
    lost: int
    moved: bool


class Copied(NamedTuple):
    """`sent`: files that had to be; `same`: how many were there as they should be."""

    sent: tuple[str, ...]
    same: int
    unsent: int


def decide(seen: OutboxSeen, there: Settings | None, made: Settings, erase: bool) -> Plan:
    """What may be done to a board with this outbox and these settings (None: none readable)."""
    if seen.fault == MISSING:
        raise Refused(f"the flash has no partition of the name outbox. {UNCHANGED} Write the "
                      "partition table of firmware/board/image first.")
    moved = there is not None and there.terminal_id != made.terminal_id
    if there is not None and not moved and there.epoch > made.epoch:
        raise Refused(f"the board has key epoch {there.epoch} of terminal {there.terminal_id}, "
                      f"the folder the older epoch {made.epoch}. {UNCHANGED} Ask head office for "
                      "the key file again, and prepare another folder.")
    if erase:
        why = "erased, as you asked"
        return Plan(_merged(there, made) if not moved else made, why, seen.unsent, moved)
    if seen.fault == BLANK:
        return Plan(made if moved else _merged(there, made), "it was blank", 0, moved)
    if seen.fault:
        raise Refused(f"the outbox cannot be read ({seen.fault}), and may hold unsent taps. "
                      f"{UNCHANGED} firmware/README.md says what each reason means; "
                      "--erase-outbox gives up whatever is in it.")
    merged = made if moved else _merged(there, made)
    held = {merged.epoch: merged.key, **dict(merged.old_keys)}
    strange = [(who, epoch) for who, epoch in seen.sealed
               if who != made.terminal_id or epoch not in held]
    changed = there is not None and not moved and any(
        held.get(epoch, key) != key for epoch, key in _keys(there))
    if seen.unsent and (strange or changed):
        who, epoch = (strange or [(made.terminal_id, made.epoch)])[0]
        raise Refused(
            f"the outbox holds {seen.unsent} unsent {_taps(seen.unsent)} of terminal {who}, "
            f"sealed under key epoch {epoch}, and the folder has no key that answers for them. "
            f"{UNCHANGED} Let the handset send them first (or prepare for terminal {who} with a "
            "key file that has this epoch); --erase-outbox loses them for good.")
    formatted = f"it was terminal {there.terminal_id}'s, with nothing unsent" if (
        moved and there is not None) else ""
    return Plan(merged, formatted, 0, moved)


def _keys(made: Settings) -> tuple[tuple[int, bytes], ...]:
    return ((made.epoch, made.key), *made.old_keys)


def _merged(there: Settings | None, made: Settings) -> Settings:
    """`made` with those keys of the board that it lacks: taps may wait that they sealed."""
    if there is None:
        return made
    older = {epoch: key for epoch, key in (*_keys(there), *made.old_keys) if epoch < made.epoch}
    return handset.changed(made, old_keys=tuple(sorted(older.items(), reverse=True)))


def look(board: Board, prepared: Prepared) -> tuple[OutboxSeen, Settings | None]:
    """The board's outbox and settings."""
    data = board.read(SETTINGS)
    try:
        there = None if data is None else handset.decode(data)
    except SettingsError:
        there = None
    return board.outbox(prepared.outbox_blocks), there


def copy(board: Board, prepared: Prepared, plan: Plan, seen: OutboxSeen,
         progress: Progress) -> Copied:
    """Carry out the plan. `progress(file, bytes sent, bytes in all)`."""
    content = {name: (prepared.folder / name).read_bytes() for name in prepared.files}
    content[SETTINGS] = handset.encode(plan.settings)
    wanted = {name: digest(data) for name, data in content.items()}
    found = board.digests((*wanted, MAIN, OPERATORS))
    missing = [name for name in wanted if found.get(name) != wanted[name]]
    stale = [name for name in found if name not in wanted and name.endswith(PROGRAM)]
    if plan.moved and OPERATORS in found:
        stale.append(OPERATORS)
    if MAIN in found and (prepared.frozen or MAIN in missing or any(
            name.endswith(".mpy") for name in (*missing, *stale))):
        board.remove(MAIN)
        missing += [] if prepared.frozen or MAIN in missing else [MAIN]
    for name in stale:
        board.remove(name)
    last = [name for name in (SETTINGS, MAIN) if name in missing]
    first = sorted(set(missing) - set(last))
    in_all = sum(len(content[name]) for name in missing)
    # a file that does not land has cost no outbox; nothing that could start meets an old one
    done = _send(board, first, content, 0, in_all, progress)
    if plan.formatted:
        board.format_outbox(prepared.outbox_blocks, fresh_journal())
    _send(board, last, content, done, in_all, progress)
    _verify(board, prepared, plan, wanted, seen)
    return Copied(tuple(missing), len(wanted) - len(missing), 0 if plan.formatted else seen.unsent)


def _send(board: Board, names: Sequence[str], content: Mapping[str, bytes], done: int,
          in_all: int, progress: Progress) -> int:
    """Write these files; how many bytes were sent in the end, behind the `done` of before."""
    for name in names:
        data, to = content[name], name + NEW if name == SETTINGS else name
        before = done
        board.write(to, data, lambda size, name=name, before=before: progress(
            name, before + size, in_all))
        if to != name:
            if board.digests((to,)).get(to) != digest(data):
                raise NotReady(f"{to} reads back differently. The old settings stay, and no tap "
                               "is lost; the board's flash or the line is bad.")
            board.rename(to, name)
        done += len(data)
    return done


def _verify(board: Board, prepared: Prepared, plan: Plan, wanted: Mapping[str, str],
            seen: OutboxSeen) -> None:
    found = board.digests(tuple(wanted))
    wrong = [name for name, each in wanted.items() if found.get(name) != each]
    if wrong:
        raise NotReady(f"{', '.join(wrong)} did not land as sent. No unsent tap was touched; say "
                       "it again, and if it stays so the board's flash is bad.")
    now = board.outbox(prepared.outbox_blocks)
    if now.fault or now.unsent != (0 if plan.formatted else seen.unsent):
        raise NotReady(f"the files landed, but the outbox is now {now.fault or 'readable'} with "
                       f"{now.unsent} unsent. Nothing more is written; keep the board as it is.")


def _taps(count: int) -> str:
    return "tap" if count == 1 else "taps"
