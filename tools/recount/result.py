"""What a statement says, and what its recount came to. Pure."""

import json
from datetime import date
from typing import NamedTuple

from tools.recount.boxes import EPOCH, Key
from tools.recount.errors import RecountError
from tools.recount.figures import OF_DAY, Figures


class Statement(NamedTuple):
    """What a statement says: figures by day (since 1970)."""

    merchant_id: int
    first: int
    last: int
    days: dict[int, Figures]

    @classmethod
    def read(cls, text: str) -> "Statement":
        """Of what `pointwire gateway statement --json` printed. Raises RecountError."""
        try:
            said = json.loads(text)
            return cls(int(said["merchant_id"]), day_named(said["from"]), day_named(said["to"]), {
                day_named(day["day"]): {name: int(day.get(name, 0)) for name in OF_DAY}
                for day in said["days"]})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise RecountError("That is no statement. Nothing was compared; give what `pointwire"
                               " gateway statement MERCHANT --from DAY --to DAY --json` printed."
                               ) from None


class Difference(NamedTuple):
    """Of an entry (`receipt`, `trace`) or a day: what is booked or stated, and what comes out."""

    day: str
    receipt: int | None
    trace: str
    figure: str
    booked: int | str
    recounted: int | str


class Apart(NamedTuple):
    """An entry that counts as it is booked, and why; `lost`: its frame ought to be kept."""

    day: str
    receipt: int | None
    trace: str
    why: str
    lost: bool = False


class Result(NamedTuple):
    """`worked_out`: how many entries; `unverifiable`, `not_from_frames`: those that were not."""

    worked_out: int
    differences: list[Difference]
    unverifiable: list[Apart]
    not_from_frames: list[Apart]

    @property
    def equal(self) -> bool:
        """Nothing differs, and no frame is gone that ought to be kept."""
        return not self.differences and not any(each.lost for each in self.unverifiable)


def trace_of(key: Key) -> str:
    """Terminal, journal and trace; of a verdict, the receipt of what holds."""
    if key[0] < 0:
        return f"hold {int.from_bytes(key[1], 'big')}"
    return f"{key[0]}/{int.from_bytes(key[1][:4], 'big')}/{int.from_bytes(key[1][4:], 'big')}"


def day_named(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH.date().toordinal()
