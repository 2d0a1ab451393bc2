"""What the database must say whenever nothing is on its way."""

from collections.abc import Iterable, Sequence
from datetime import date

from gateway import statement_showing
from gateway.audit import run_audit
from gateway.clock import from_day, to_ms
from gateway.statement import statement
from tests.gateway.bill_model import Bill
from tests.gateway.points_model import Member
from tests.gateway.token_model import Lot
from tests.support.street import KEYS, Street
from tools.recount.boxes import Opener
from tools.recount.reading import Archive, snapshot
from tools.recount.recount import recount
from tools.recount.result import Statement

POINT_MINOR = 10
AUDIT = 60  # after so many checks
FIRST_DAY = date(2020, 1, 1)  # before any story


class Books:
    """I3 (all figures agree, and with the model's) with every check, the whole audit now and then.
    I10 is the database's own to watch (inserted_only.py)."""

    def __init__(self, street: Street, merchants: Sequence[int]) -> None:
        self._street = street
        self._merchants = merchants
        self._checks = 0

    def check(self, members: Sequence[Member], bills: Sequence[Bill],
              given_by_hq: Sequence[int]) -> None:
        self._checks += 1
        self._balances(members)
        self._lots(members)
        self._add_up()
        self._money(members, bills, given_by_hq)
        if self._checks % AUDIT == 0:
            self.audited()

    def audited(self) -> None:
        """The whole audit, with everything derived once more."""
        report = run_audit(self._street.engine, self._street.keyring, rebuild=True,
                           clock=lambda: self._street.now)
        assert report.findings == ()

    def recounted(self, today: int) -> None:
        """Every merchant's statement of all days, worked out again from frames."""
        street, now = self._street, to_ms(self._street.now)
        url = street.engine.url.render_as_string(hide_password=False)
        for merchant in self._merchants:
            said = statement_showing.as_json(statement(
                street.engine, street.keyring, merchant, FIRST_DAY, from_day(today), now))
            with snapshot(url) as connection:
                result = recount(Archive(connection, Opener(KEYS[2])), Statement.read(said), now)
            apart = [*result.differences, *result.unverifiable]
            assert not apart, apart

    def lot_id(self, member: int, place: int) -> int:
        """The number of the member's lot that was opened as the so-manieth."""
        rows = self._street.rows(
            "lots", "id", f"member_id = {self._street.members[member]} ORDER BY id")
        return int(rows[place][0])

    def held(self, ours: Iterable[tuple[int, int, int, int, int]],
             members: Sequence[Member]) -> None:
        """What returns claim, each (receipt, member, number, due_on, state): how it stands, and
        which points of which lots are put aside for it."""
        rows = self._street.rows
        stands, aside = [], []
        for receipt, member, number, due_on, state in sorted(ours):
            stands.append((receipt, self._street.members[member], due_on, state))
            for lot in members[member].lots:
                points = sum(token.aside and token.taker == number for token in lot.tokens)
                aside += [(receipt, lot.earned_on, lot.ends_on, points)] * bool(points)
        assert rows("holds", "entry_id, member_id, due_on, state", "1=1 ORDER BY 1") == stands
        assert sorted(rows("draws d JOIN lots l ON l.id = d.lot_id",
                           "d.taker, l.earned_on, l.expires_on, d.points",
                           "d.held = 1 AND d.points > 0")) == sorted(aside)

    # -- I3 ------------------------------------------------------------------------------------

    def _balances(self, members: Sequence[Member]) -> None:
        rows = self._street.rows("members", "available, held, debt", "1=1 ORDER BY id")
        assert rows == [(who.available, who.held, who.debt) for who in members]

    def _lots(self, members: Sequence[Member]) -> None:
        rows = self._street.rows(
            "lots", "earned_on, expires_on, remaining, held, expired, paid",
            "1=1 ORDER BY member_id, id")
        assert rows == [told(lot) for who in members for lot in who.lots]

    def _add_up(self) -> None:
        """Nothing negative; a lot is what is in it and what is drawn of it, and holds what returns
        hold of it; a member what postings put on its account, with a debt of what is drawn of
        nowhere."""
        rows = self._street.rows
        drawn = "(SELECT coalesce(sum(points), 0) FROM draws d WHERE d.{})"
        assert not rows("lots l", "id", "remaining < 0 OR held < 0 OR expired < 0 OR"
                        " issued <> remaining + held + expired + "
                        + drawn.format("lot_id = l.id AND d.held = 0") + " OR held < "
                        + drawn.format("lot_id = l.id AND d.held = 1"))
        of_member = "lot_id = 0 AND d.taker IN (SELECT id FROM entries e WHERE e.member_id = m.id)"
        assert not rows("members m", "id", "debt <> " + drawn.format(of_member))
        assert not rows("members m", "id", "available + held - debt <> (SELECT"
                        " coalesce(sum(p.amount), 0) FROM postings p"
                        " WHERE p.account_id = m.points_account_id)")
        assert not any(total for total, in rows("postings", "sum(amount)", "1=1 GROUP BY unit"))

    def _money(self, members: Sequence[Member], bills: Sequence[Bill],
               given_by_hq: Sequence[int]) -> None:
        """By what of each bill stands: nothing else is known here of how it came to that."""
        for number, merchant in enumerate(self._merchants, 1):
            assert self._stands("merchant_due", merchant) == (
                sum(bill.due(number) for bill in bills) - POINT_MINOR * given_by_hq[number])
        assert self._stands("programme_pool", self._street.programme) == (
            sum(bill.money[1] for bill in bills) + POINT_MINOR * sum(given_by_hq)
            - POINT_MINOR * sum(who.expired for who in members))

    def _stands(self, kind: str, owner: int) -> int:
        (total,), = self._street.rows(
            "postings p JOIN accounts a ON a.id = p.account_id",
            "coalesce(sum(p.amount), 0)", f"a.kind = '{kind}' AND a.owner_id = {owner}")
        return int(total)


def told(lot: Lot) -> tuple[int, ...]:
    """A lot of the model as the database tells of one."""
    def count(name: str) -> int:
        return sum(getattr(token, name) for token in lot.tokens)

    return (lot.earned_on, lot.ends_on, count("there"), count("frozen") + count("aside"),
            count("expired"), lot.paid + len(lot.away))
