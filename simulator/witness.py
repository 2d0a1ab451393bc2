"""Who watches what happens at a handset's counter. See `Handset(witness=...)`."""

from protocol.messages import Reply

Key = tuple[int, int]  # (journal, trace)
Named = tuple[int, ...] | int  # an original, as WIRE's key 10 has it


class Witness:
    """Who watches a handset's merchant; this one forgets everything."""

    def attempted(self, terminal_id: int, kind: int, amount_minor: int | None,
                  card: int | bytes | None, original: Named | None,
                  points: int | None = None) -> None:
        """The cashier does what makes a journaled message."""

    def saved(self, terminal_id: int, key: Key, kind: int, amount_minor: int | None,
              card: int | bytes | None, original: Named | None,
              points: int | None = None) -> None:
        """The handset said so."""

    def displayed(self, terminal_id: int, lines: tuple[str, ...]) -> None:
        """The screen was drawn."""

    def moved(self, terminal_id: int, old: Key, new: Key) -> None:
        """After a conflict the message stands again."""

    def shown(self, terminal_id: int, reply: Reply) -> None:
        """The outcome came on the screen."""

    def clock_set(self, terminal_id: int) -> None:
        """A heartbeat's answer set the clock, and so was heard."""

    def powered(self, terminal_id: int, on: bool) -> None:
        """The power came or went."""
