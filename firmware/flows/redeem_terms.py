"""What points take off a bill, by the terms that an inquiry's reply tells (key 25).

Law: the same sums as the gateway's, always (protocol/README.md, "Redemption"; a test compares the
two): what stands on the screen before `#` is what is posted.

Terms: (usable, points, amount_minor, least, step, share_bp).
"""

from micropython import const

from protocol.limits import REQUEST_POINTS_MAX, SHARE_BP_MAX

# why so many points may not be used, each with the number that the cashier is told, or None
ONLY = const(1)      # the member has only so many
AT_LEAST = const(2)
STEPS = const(3)
AT_MOST = const(4)   # of this bill
ENOUGH = const(5)    # as many take just as much off
# why none at all may be used
NO_POINTS = const(6)
FROM = const(7)      # the fewest that may be used, and the member has not so many
BILL = const(8)      # it is too small for the fewest


def money_off(terms, points, bill_minor):
    """What so many points take off the bill, in minor units; None where they may not be used."""
    usable, unit, unit_minor, least, step, share_bp = terms
    if not least <= points <= usable or points % step:
        return None
    most_minor, value_minor = bill_minor * share_bp // SHARE_BP_MAX, points * unit_minor // unit
    if (points - step) * unit_minor // unit >= min(most_minor, value_minor):
        return None  # nothing is taken that takes nothing off
    if value_minor <= most_minor:
        return value_minor
    return most_minor if share_bp == SHARE_BP_MAX else None


def most(terms, bill_minor, points_max=REQUEST_POINTS_MAX):
    """The most points that may be used for the bill, of at most `points_max`; 0 for none."""
    usable, unit, unit_minor, least, step, share_bp = terms
    most_minor = bill_minor * share_bp // SHARE_BP_MAX
    if share_bp == SHARE_BP_MAX:  # the last step may be worth more than is left of the bill
        points = (most_minor * unit - 1) // unit_minor + step
    else:
        points = ((most_minor + 1) * unit - 1) // unit_minor
    points = min(points, usable, points_max)
    points -= points % step
    # as few of them as are worth as much
    value_minor = points * unit_minor // unit
    fewest = -(-value_minor * unit // unit_minor)
    points = -(-fewest // step) * step
    return points if money_off(terms, points, bill_minor) else 0


def refusal(terms, points, bill_minor):
    """Why so many points may not be used, as (reason, number); None where they may."""
    if money_off(terms, points, bill_minor):
        return None
    best = most(terms, bill_minor)
    if not best:
        return none_at_all(terms)
    if points > terms[0]:
        return ONLY, terms[0]
    if points < terms[3]:
        return AT_LEAST, terms[3]
    if points % terms[4]:
        return STEPS, terms[4]
    if points > best:
        return AT_MOST, best
    fewer = most(terms, bill_minor, points)
    return (ENOUGH, fewer) if fewer else (AT_MOST, best)


def none_at_all(terms):
    """Why `most` is 0, as (reason, number or None)."""
    usable, unit, unit_minor, least, step, _ = terms
    if usable <= 0:
        return NO_POINTS, None
    before = -(-max(least, 1) // step) * step - step  # the fewest are worth more than these
    fewest = -(-(before * unit_minor // unit + 1) * unit // unit_minor)
    fewest = -(-fewest // step) * step
    return (FROM, fewest) if usable < fewest else (BILL, None)
