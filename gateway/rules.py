"""How many points an amount earns, and for how long. Pure, whole numbers only.

Law: points = floor(amount_minor * rate_points * multiplier_bp / (rate_minor * 10000)): one
fraction, one rounding, down, at the very end. A rule set is a value with a version; an award
says which version, rate and multiplier made it, so that "why 15 points?" has an answer later.

>>> shop = RuleSet(1, 1, 100, 9, (Tier("silver", "银卡", 12000),))
>>> award(shop, shop.tiers[0], 1250).points
15
"""

import json
from calendar import monthrange
from typing import NamedTuple

from gateway.clock import add_months
from gateway.errors import GatewayError
from gateway.validity import AT_END, CONVERT, EXPIRE, Rolling, YearEnd
from protocol.limits import AMOUNT_MINOR_MAX

BP = 10000
RATE_POINTS_MAX = 10_000
SALE_POINTS_MAX = 10**12  # a balance has room for nine thousand of them
ENTRY_WORTH_MAX = 10**14  # minor units, of the largest sale, and of what HQ gives or takes
LOT_MONTHS_MAX = 600
TIER_NAME_SIZE_MAX = 24
LEAP_YEAR = 2000  # has every day of the year
DEDUCT = "deduct"
HOLD_FOR_HQ = "hold"
ON_RETURN = (DEDUCT, HOLD_FOR_HQ)


class RulesError(GatewayError):
    """A rule set that cannot be: it was not stored."""

    code = "rules"


class Tier(NamedTuple):
    """`code` names it in the database, `name` goes on the screen (at most 24 bytes of UTF-8).
    `lot_months`: how long its points live; 0: as the rule set says (L21)."""

    code: str
    name: str
    multiplier_bp: int
    lot_months: int = 0


class Redeeming(NamedTuple):
    """Points off a bill: `points` are worth `minor` of money; at least `points_min` at a time, in
    steps of `points_step`, for at most `share_bp` of the bill (U1, U2, Q44)."""

    points: int
    minor: int
    points_min: int = 1
    points_step: int = 1
    share_bp: int = BP

    def value(self, points: int) -> int:
        """What so many points are worth, in minor units, rounded down."""
        return points * self.minor // self.points

    def discount(self, points: int, bill_minor: int) -> int | None:
        """What they take off a bill, or None where they may not. Where points may pay a whole
        bill, the last step may be worth more than is left of it (Q22); no change is given."""
        most_minor, value_minor = bill_minor * self.share_bp // BP, self.value(points)
        if (points < self.points_min or points % self.points_step
                or self.value(points - self.points_step) >= min(most_minor, value_minor)):
            return None  # nothing is taken that takes nothing off
        if value_minor <= most_minor:
            return value_minor
        return most_minor if self.share_bp == BP else None


class RuleSet(NamedTuple):
    """`rate_points` points for each `rate_minor` of money; lots live `lot_months` months. The
    first tier is what a new member has. `redeeming`: None where points buy nothing.
    `return_grace_days`: how long points live that come back to a lot that has ended (J2);
    `return_days`: how long a shop takes goods back (J10). `year_end`: lots end on a day of the
    year instead. `rolling`: a member's activity carries its lots on (K2). `at_end`: what becomes
    of points whose lot ends while this rule set is in force (K1). `write_off_days`: how long a
    debt stands before HQ may write it off (J11). `on_return`: whether what comes back takes its
    points at once, or holds them for `hold_days` for HQ's word (K5)."""

    version: int
    rate_points: int
    rate_minor: int
    lot_months: int
    tiers: tuple[Tier, ...]
    redeeming: Redeeming | None = None
    return_grace_days: int = 30
    return_days: int = 90
    write_off_days: int = 365
    year_end: YearEnd | None = None
    rolling: Rolling | None = None
    at_end: str = EXPIRE
    on_return: str = DEDUCT
    hold_days: int = 14

    def tier(self, code: str) -> Tier | None:
        for tier in self.tiers:
            if tier.code == code:
                return tier
        return None

    def lot_ends_on(self, day: int, tier: Tier | None) -> int:
        """The last day of points that are earned on `day`; both in days since 1970."""
        if self.year_end is not None:
            return self.year_end.after(day)
        return add_months(day, (tier and tier.lot_months) or self.lot_months)


DAYS = ("return_grace_days", "return_days", "write_off_days", "hold_days")
# not in the text of a rule set that says nothing else than the default
WORDS = (*DAYS, "at_end", "on_return")
SHAPES = {"redeeming": Redeeming, "year_end": YearEnd, "rolling": Rolling}


class Award(NamedTuple):
    """The points and the figures that made them; `base_points`: those that no bonus made."""

    points: int
    rule_version: int
    tier: str
    rate_points: int
    rate_minor: int
    multiplier_bp: int
    base_points: int


NO_AWARD = Award(0, 0, "", 0, 1, 0, 0)


def points_for(amount_minor: int, rate_points: int, rate_minor: int, multiplier_bp: int) -> int:
    """The points for money spent, by the figures of an award; `amount_minor` at least 0."""
    return amount_minor * rate_points * multiplier_bp // (rate_minor * BP)


def base_points_for(amount_minor: int, rate_points: int, rate_minor: int,
                    multiplier_bp: int) -> int:
    """Of the points for money spent, those that the rate alone would give (J16)."""
    return points_for(amount_minor, rate_points, rate_minor, min(multiplier_bp, BP))


def award(rule_set: RuleSet, tier: Tier, amount_minor: int) -> Award:
    """The award for money spent; `amount_minor` at least 0."""
    figures = (rule_set.rate_points, rule_set.rate_minor, tier.multiplier_bp)
    return Award(points_for(amount_minor, *figures), rule_set.version, tier.code, *figures,
                 base_points_for(amount_minor, *figures))


def _whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise RulesError(f"{name} is {value!r}. Nothing was stored; give a whole number from"
                         f" {low} to {high}.")


def check(rule_set: RuleSet) -> RuleSet:
    """The rule set itself, or RulesError with the first thing that is wrong."""
    _whole("version", rule_set.version, 1, 2**31)
    _whole("rate_points", rule_set.rate_points, 0, RATE_POINTS_MAX)
    _whole("rate_minor", rule_set.rate_minor, 1, 10**9)
    _whole("lot_months", rule_set.lot_months, 1, LOT_MONTHS_MAX)
    if not rule_set.tiers or len({tier.code for tier in rule_set.tiers}) != len(rule_set.tiers):
        raise RulesError("A rule set needs at least one tier and no two of one code."
                         " Nothing was stored; name the tiers.")
    for name in DAYS:
        _whole(name, getattr(rule_set, name), 0, 3660)
    if rule_set.redeeming is not None:
        for name, value in rule_set.redeeming._asdict().items():
            _whole(f"redeeming {name}", value, 1, BP if name == "share_bp" else 10**9)
    _check_validity(rule_set)
    _check_end(rule_set.at_end)
    if rule_set.on_return not in ON_RETURN:
        raise RulesError(f"on_return is {rule_set.on_return!r}. Nothing was stored; say one of"
                         f" {', '.join(ON_RETURN)}.")
    for tier in rule_set.tiers:
        _whole(f"multiplier of {tier.code}", tier.multiplier_bp, 0, 10 * BP)
        if not tier.code or len(tier.name.encode()) > TIER_NAME_SIZE_MAX:
            raise RulesError(f"Tier {tier.code!r} needs a code and a name of at most"
                             f" {TIER_NAME_SIZE_MAX} bytes. Nothing was stored.")
    _check_largest(rule_set)
    return rule_set


def _check_largest(rule_set: RuleSet) -> None:
    """What a tap may bring must fit balances and sums of many of them."""
    points = points_for(AMOUNT_MINOR_MAX, rule_set.rate_points, rule_set.rate_minor,
                        max(tier.multiplier_bp for tier in rule_set.tiers))
    _whole("number of points of the largest sale", points, 0, SALE_POINTS_MAX)
    if rule_set.redeeming is not None:
        _whole("worth of the points of the largest sale", rule_set.redeeming.value(points), 0,
               ENTRY_WORTH_MAX)


def _check_validity(rule_set: RuleSet) -> None:
    for tier in rule_set.tiers:
        _whole(f"lot_months of {tier.code}", tier.lot_months, 0, LOT_MONTHS_MAX)
    rolling, year_end = rule_set.rolling, rule_set.year_end
    if rolling is not None:
        _whole("rolling months", rolling.months, 1, LOT_MONTHS_MAX)
        _whole("rolling within_months", rolling.within_months, 0, LOT_MONTHS_MAX)
    if year_end is None:
        return
    _whole("year_end month", year_end.month, 1, 12)
    _whole("year_end day", year_end.day, 1, monthrange(LEAP_YEAR, year_end.month)[1])
    _whole("year_end years_later", year_end.years_later, 0, LOT_MONTHS_MAX // 12)
    if rolling is not None or any(tier.lot_months for tier in rule_set.tiers):
        raise RulesError("Lots that end on a day of the year end there for everybody. Nothing was"
                         " stored; leave out rolling and the tiers' lot_months, or year_end.")


def _check_end(at_end: str) -> None:
    if at_end not in AT_END:
        raise RulesError(f"at_end is {at_end!r}. Nothing was stored; say one of"
                         f" {', '.join(AT_END)}.")
    if at_end == CONVERT:
        raise RulesError("Points cannot be converted: there is no stored value in this version."
                         " Nothing was stored; let them expire, or hold them.")


def to_json(rule_set: RuleSet) -> str:
    """Canonical text of a rule set: what rule_sets.body holds."""
    body: dict[str, object] = {
        "lot_months": rule_set.lot_months, "rate_minor": rule_set.rate_minor,
        "rate_points": rule_set.rate_points,
        "tiers": [list(tier if tier.lot_months else tier[:-1]) for tier in rule_set.tiers]}
    for name in SHAPES:
        shape = getattr(rule_set, name)
        if shape is not None:
            body[name] = list(shape)
    body |= {name: getattr(rule_set, name) for name in WORDS
             if getattr(rule_set, name) != RuleSet._field_defaults[name]}
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_json(version: int, body: str) -> RuleSet:
    """The rule set of a stored body; RulesError when it does not read."""
    try:
        read = json.loads(body)
        tiers = tuple(Tier(*row) for row in read["tiers"])
        shapes = {name: shape(*read[name]) for name, shape in SHAPES.items() if name in read}
        words = {name: read[name] for name in WORDS if name in read}
        return check(RuleSet(version, read["rate_points"], read["rate_minor"],
                             read["lot_months"], tiers, **shapes, **words))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RulesError(f"Rule set {version} does not read. Nothing was decided by it;"
                         " run the audit.") from None
