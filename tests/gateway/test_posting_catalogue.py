"""The posting catalogue of gateway/README.md and the code say the same."""

import re

from gateway import holds, ledger
from gateway.catalogue import UNITS
from gateway.clock import to_day, to_ms
from gateway.expiry import expire_lots
from tests.gateway.test_proposals import done
from tests.house.law import ROOT
from tests.support.street import RULES, Street

ACCOUNT = re.compile("`(" + "|".join(UNITS) + ")`")
# HQ is the other side of all money, and lots end with whatever comes next
ALWAYS = {"programme_hq"}


def rows() -> list[list[str]]:
    """The cells of each row: command, unit 1, unit 2, who bears it, lots, dates."""
    text = (ROOT / "gateway/README.md").read_text()
    section = text.split("## Posting catalogue", 1)[1].split("\n## ", 1)[0]
    table = section.split("| command |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def kinds() -> dict[str, int]:
    """The entry kinds of ledger.py by their names."""
    text = (ROOT / "gateway/ledger.py").read_text()
    block = text.split("# entry kinds\n", 1)[1].split("\n\n", 1)[0]
    return {name: getattr(ledger, name) for name in re.findall(r"^([A-Z_]+) = ", block, re.M)}


def accounts_of(name: str) -> dict[int, set[str]]:
    """The accounts that the catalogue names for an entry kind, by unit."""
    mine = [row for row in rows() if f"`{name}`" in row[0]]
    return {unit: {account for row in mine for account in ACCOUNT.findall(row[unit])}
            for unit in (ledger.POINTS, ledger.MONEY)}


def test_every_entry_kind_has_its_row_and_every_row_its_kind():
    named = {name for row in rows() for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert named == set(kinds())
    assert len(set(kinds().values())) == len(kinds())
    assert all(len(row) == 6 and all(row) for row in rows())


def test_every_account_is_named_in_its_own_unit():
    for row in rows():
        for unit in (ledger.POINTS, ledger.MONEY):
            assert {UNITS[name] for name in ACCOUNT.findall(row[unit])} <= {unit}, row[0]
    named = {name for row in rows() for cell in row for name in ACCOUNT.findall(cell)}
    assert named == set(UNITS) - ALWAYS


def everything_happens(street: Street) -> None:
    """A sale, a bill that points pay, both taken back in parts, and what HQ does by itself."""
    street.answers(street.sale(60_000), street.redemption(200, 5000), street.sale(900, card=1))
    street.answers(street.refund(1, amount_minor=5000), street.refund(2, amount_minor=900))
    street.answers(street.void(5), street.void(3))
    done(street, "grant", 40, bearer_id=street.merchant)
    done(street, "correction", 0, receipt=done(street, "penalty", 30).receipt)
    street.later(days=300)
    assert expire_lots(street.engine, street.keyring, to_ms(street.now), 10)
    done(street, "extension", 0, lot_id=1, ends_on=to_day(street.now.date()) + 5)
    street.registry.add_rule_set(street.programme, RULES._replace(on_return="hold"),
                                 to_ms(street.now))
    sale = street.sale(3000)
    street.take(sale)
    for _ in range(2):
        street.take(street.refund(street.message(sale).request.trace, amount_minor=1000))
    first, second = (hold for hold, in street.rows("holds", "entry_id", "1=1 ORDER BY 1"))
    holds.take(street.intake, first, "Lin", "worn")
    holds.release(street.intake, second, "Lin", "fine")


def test_nothing_is_posted_that_the_catalogue_does_not_name(engine):
    street = Street(engine, members=2)
    everything_happens(street)
    posted = set(street.rows(
        "postings p JOIN entries e ON e.id = p.entry_id JOIN accounts a ON a.id = p.account_id",
        "DISTINCT e.kind, p.unit, a.kind"))
    expiry, names = accounts_of("EXPIRY"), {kind: name for name, kind in kinds().items()}
    for kind, unit, account in posted:
        named = accounts_of(names[kind])[unit] | expiry[unit] | ALWAYS
        assert account in named, (names[kind], unit)
    assert {names[kind] for kind, _, _ in posted} == set(kinds()) - {
        "RELEASE", "FORFEIT", "HOLD_RELEASED"}  # they move points within lots
