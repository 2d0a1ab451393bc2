"""What one seed of the proof does: every fault by name, with its unit, 0 where it is off.

Law: options are whole numbers and follow from the seed alone. They are drawn swarm style: each
group of faults is off in many seeds, so that one fault does not always hide behind another, and
some seeds have none at all. `draw(seed)` gives them, `calm()` a world without any fault, and
`text`/`read` write and read them as `name=value`.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from random import Random
from types import MappingProxyType
from typing import NamedTuple


class Options(NamedTuple):
    """Names end in their unit or say what is counted: `x` alone is how often in the whole run
    (for handsets: of each), `x_per_1000` how often among so many, `x_max` the longest or largest.
    """

    # the world
    terminals: int = 2
    taps: int = 50                      # customers of each terminal
    gap_ms_mean: int = 8000             # between two customers
    members: int = 6
    workers: int = 1
    batch_max: int = 200
    commit_ms_max: int = 200
    latency_ms_max: int = 400
    outbox_blocks: int = 16
    lived_taps: int = 0                 # that the ring has seen before, all answered
    keepalive_s: int = 120
    watchdog_s: int = 300
    # what merchants do beside selling
    inquiries_per_100: int = 0
    voids_per_100: int = 0
    online_per_100: int = 0             # payments and the like, which nobody decides yet
    redemptions_per_100: int = 0        # points off the bill: too many and off the step, too
    refunds_per_100: int = 0            # parts of bills, too much, and twice at once
    odd_cards_per_100: int = 0          # in stock, lost, expired, misread, unknown, by chip ...
    # publications, after the broker's PUBACK
    up_lost_per_1000: int = 0
    down_lost_per_1000: int = 0
    up_duplicated_per_1000: int = 0
    down_duplicated_per_1000: int = 0
    up_swapped_per_1000: int = 0
    down_swapped_per_1000: int = 0
    swapped_ms_max: int = 5000
    up_late_per_1000: int = 0
    down_late_per_1000: int = 0
    late_s_max: int = 600
    up_corrupt_per_1000: int = 0
    down_corrupt_per_1000: int = 0
    garbage_per_10000: int = 0          # parts of a TCP stream
    # the link of each handset
    blackouts: int = 0
    blackout_s_max: int = 120
    half_open: int = 0                  # one direction only
    half_open_s_max: int = 60
    # the broker
    broker_restarts: int = 0            # with persistence
    broker_restarts_queue_lost: int = 0
    broker_down_s_max: int = 30
    broker_mutes: int = 0               # accepts and says nothing
    broker_mute_s_max: int = 60
    sessions_destroyed: int = 0         # of a worker
    # the gateway's processes; killed at this step, per 1,000 batches
    killed_before_commit_per_1000: int = 0
    killed_after_commit_per_1000: int = 0
    killed_between_acks_per_1000: int = 0
    killed_before_replies_per_1000: int = 0
    killed_between_replies_per_1000: int = 0
    killed_down_s_max: int = 20
    partitions: int = 0                 # between worker and broker
    partition_s_max: int = 60
    # the database
    database_locked: int = 0
    database_locked_s_max: int = 20
    database_full: int = 0
    database_full_s_max: int = 20
    database_io_errors: int = 0
    commits_unsure: int = 0             # durable, and reported as failed
    poison_per_1000: int = 0            # messages on which the decision fails until requeued
    server_power_losses: int = 0        # unsynced writes dropped
    # the handsets
    power_cuts: int = 0                 # between two flash operations
    flash_cuts: int = 0                 # within one
    flash_cut_operations_max: int = 40
    reboot_loops: int = 0               # power goes again and again within the mount
    reboot_loop_boots_max: int = 5
    off_s_max: int = 30
    flash_misreads: int = 0             # boots with a bad contact at the flash
    clock_jumps: int = 0                # of the tick counter, ahead
    clock_jump_s_max: int = 86400
    clocks_wrong: int = 0               # ten years off or a day, either way
    clock_resets: int = 0               # to the beginning of 1970 or 2000
    drift_ppm_max: int = 0
    heap_per_1000: int = 0              # taps within which the heap runs out
    heap_down: int = 0                  # frames from the gateway within which it does
    heap_turns: int = 0                 # times that it does while a handset sends, moves or voids
    planted: int = 0                    # another's frame, sealed with this terminal's key
    flash_put_backs: int = 0            # of an older copy, when every tap since is answered
    flash_put_back_s_max: int = 60
    closed_days: int = 0                # everything off in the middle of the run
    # the registry
    cards_lost: int = 0
    cards_blocked: int = 0
    members_suspended: int = 0
    merchants_suspended: int = 0
    terminals_suspended: int = 0
    verdicts: int = 0                   # HQ goes through the held taps
    verdict_s_max: int = 30             # from its list to its word on one of them
    key_rotations: int = 0
    epochs_revoked: int = 0             # the one a terminal uses: from then on its taps are held
    restores: int = 0                   # from an older backup
    # limits of the second phase
    drain_minutes_max: int = 240


WORLD = ("terminals", "taps", "gap_ms_mean", "members", "workers", "batch_max", "commit_ms_max",
         "latency_ms_max", "outbox_blocks", "lived_taps", "keepalive_s", "watchdog_s",
         "drain_minutes_max", "redemptions_per_100", "refunds_per_100")
FAULTS = tuple(name for name in Options._fields
               if name not in WORLD and not name.endswith("_max"))

# What a person may ask for: least and most of an option, where they are not what `range_of` says.
# terminals and members: so many has the template (base.py)
RANGES = {
    "terminals": (1, 4), "taps": (1, 100_000), "members": (1, 12), "workers": (1, 16),
    "outbox_blocks": (8, 4096), "lived_taps": (0, 100_000), "keepalive_s": (10, 3600),
    "watchdog_s": (10, 86_400), "drift_ppm_max": (0, 500_000), "reboot_loop_boots_max": (2, 1000),
}
TIME_MAX = 1_000_000_000  # of what is counted in ms or s: 30 years of seconds
COUNT_MAX = 100_000


def range_of(name: str) -> tuple[int, int]:
    """Least and most that a person may ask for."""
    if name in RANGES:
        return RANGES[name]
    if "_per_" in name:
        return 0, int(name.rpartition("_")[2])
    most = TIME_MAX if "_ms_" in name or "_s_" in name else COUNT_MAX
    return int(name not in FAULTS), most


# One line is a group: it is on with so many chances in 100, and then each option of it is drawn.
Draw = Callable[[Random], int]


def _upto(most: int, least: int = 1) -> Draw:
    return lambda random: random.randrange(least, most + 1)


def _oneof(*values: int) -> Draw:
    return lambda random: values[random.randrange(len(values))]


def _maybe(draw: Draw) -> Draw:
    return lambda random: draw(random) if random.randrange(2) else 0


GROUPS: tuple[tuple[str, int, dict[str, Draw]], ...] = (
    ("asking", 50, {"inquiries_per_100": _upto(20)}),
    ("voiding", 40, {"voids_per_100": _upto(30)}),
    ("online", 20, {"online_per_100": _upto(15)}),
    ("loss", 30, {"up_lost_per_1000": _maybe(_upto(200)),
                  "down_lost_per_1000": _maybe(_upto(200))}),
    ("duplicate", 30, {"up_duplicated_per_1000": _maybe(_upto(300)),
                       "down_duplicated_per_1000": _maybe(_upto(300))}),
    ("reorder", 30, {"up_swapped_per_1000": _maybe(_upto(300)),
                     "down_swapped_per_1000": _maybe(_upto(300)),
                     "swapped_ms_max": _oneof(500, 5000, 60000)}),
    ("late", 25, {"up_late_per_1000": _maybe(_upto(200)),
                  "down_late_per_1000": _maybe(_upto(200)),
                  "late_s_max": _oneof(600, 3600)}),
    ("corrupt", 20, {"up_corrupt_per_1000": _maybe(_upto(100)),
                     "down_corrupt_per_1000": _maybe(_upto(100))}),
    ("garbage", 15, {"garbage_per_10000": _upto(100)}),
    ("blackout", 35, {"blackouts": _upto(4), "blackout_s_max": _oneof(10, 60, 300)}),
    ("half", 20, {"half_open": _upto(3), "half_open_s_max": _oneof(20, 90)}),
    ("broker", 20, {"broker_restarts": _maybe(_upto(2)),
                    "broker_restarts_queue_lost": _maybe(_upto(2)),
                    "broker_down_s_max": _oneof(1, 30)}),
    ("mute", 10, {"broker_mutes": _upto(2), "broker_mute_s_max": _oneof(5, 60)}),
    ("session", 15, {"sessions_destroyed": _upto(3)}),
    ("kill", 30, {"killed_before_commit_per_1000": _maybe(_upto(150)),
                  "killed_after_commit_per_1000": _maybe(_upto(150)),
                  "killed_between_acks_per_1000": _maybe(_upto(150)),
                  "killed_before_replies_per_1000": _maybe(_upto(150)),
                  "killed_between_replies_per_1000": _maybe(_upto(150)),
                  "killed_down_s_max": _oneof(1, 20)}),
    ("partition", 20, {"partitions": _upto(3), "partition_s_max": _oneof(5, 60)}),
    ("locked", 15, {"database_locked": _upto(3), "database_locked_s_max": _oneof(1, 20)}),
    ("full", 10, {"database_full": _upto(2), "database_full_s_max": _oneof(1, 20)}),
    ("io", 15, {"database_io_errors": _maybe(_upto(4)), "commits_unsure": _maybe(_upto(4))}),
    ("poison", 15, {"poison_per_1000": _upto(60)}),
    ("server", 15, {"server_power_losses": _upto(4)}),
    ("power", 30, {"power_cuts": _upto(4), "off_s_max": _oneof(2, 60)}),
    ("flash", 35, {"flash_cuts": _upto(5), "flash_cut_operations_max": _oneof(3, 10, 40)}),
    ("contact", 12, {"flash_misreads": _upto(2)}),
    ("loop", 12, {"reboot_loops": _upto(2), "reboot_loop_boots_max": _upto(6, 2)}),
    ("clock", 20, {"clock_jumps": _maybe(_upto(3)), "drift_ppm_max": _maybe(_oneof(100, 50000)),
                   "clock_jump_s_max": _oneof(60, 3600, 86400)}),
    ("heap", 15, {"heap_per_1000": _maybe(_upto(120)), "heap_down": _maybe(_upto(3))}),
    ("closed", 10, {"closed_days": _oneof(1, 7, 35)}),
    ("cards", 20, {"cards_lost": _maybe(_upto(2)), "cards_blocked": _maybe(_upto(2))}),
    ("suspended", 15, {"members_suspended": _maybe(_upto(2)),
                       "merchants_suspended": _maybe(_upto(1)),
                       "terminals_suspended": _maybe(_upto(2)),
                       "verdicts": _upto(4)}),
    ("put_back", 8, {"flash_put_backs": _upto(2), "flash_put_back_s_max": _oneof(20, 120)}),
    ("planted", 10, {"planted": _upto(3)}),
    ("rotation", 15, {"key_rotations": _upto(3)}),
    ("revoked", 5, {"epochs_revoked": _upto(2)}),
    ("restore", 8, {"restores": _upto(2)}),
    ("wrong_clock", 15, {"clocks_wrong": _maybe(_upto(3)), "clock_resets": _maybe(_upto(2))}),
    ("odd_cards", 25, {"odd_cards_per_100": _upto(40)}),
)

SHAPES: dict[str, Draw] = {
    "terminals": _oneof(1, 2, 2, 3, 3, 4),
    "gap_ms_mean": _oneof(500, 3000, 8000, 15000),
    "members": _oneof(2, 6, 12),
    "workers": _oneof(1, 1, 1, 2, 3),
    "batch_max": _oneof(1, 8, 200, 200, 200),
    "commit_ms_max": _oneof(20, 200, 1500),
    "latency_ms_max": _oneof(100, 400, 1500),
    "outbox_blocks": _oneof(9, 16, 32),
    "lived_taps": _oneof(0, 0, 0, 60, 190, 210, 225),
    "keepalive_s": _oneof(60, 300),
}
# what merchants of every seed do, faults or none
EVERYWHERE: dict[str, Draw] = {
    "redemptions_per_100": _oneof(4, 10, 25),
    "refunds_per_100": _oneof(3, 8, 20),
}
TAPS_IN_ALL = 130
HEAP_TURNS_CHANCES = 20
HEAP_TURNS_MAX = 6


# where the first is on, the others are so: each pair is a known loss
APART = {
    # an older database and an older flash together can lose a tap, and so can an outbox that has
    # no room to keep what is settled
    "restores": {"flash_put_backs": 0, "outbox_blocks": 32},
    # nobody decides these yet, so only their voids end them: a void in another journal than its
    # original buries nothing (WIRE, Void), one under a revoked key is held itself
    "online_per_100": {"flash_put_backs": 0, "planted": 0, "epochs_revoked": 0},
}


def calm(**wanted: int) -> Options:
    """A world without faults, but for what is named."""
    return Options()._replace(**wanted)


def draw(seed: int, named: Mapping[str, int] = MappingProxyType({})) -> Options:
    """The options of a seed. One seed in twenty has no fault at all. What is `named` is so; what
    is drawn yields to it where the two together are a known loss."""
    random = Random(f"{seed}/options")
    drawn = {name: each(random) for name, each in SHAPES.items()}
    drawn["taps"] = -(-TAPS_IN_ALL // drawn["terminals"])
    quiet = not random.randrange(20)
    for _, chances, options in GROUPS:
        on = random.randrange(100) < chances
        values = {name: each(random) for name, each in options.items()}
        if on and not quiet:
            drawn.update(values)
    # streams of their own: the other options of a seed stay what they were before these
    own = Random(f"{seed}/heap_turns")
    if own.randrange(100) < HEAP_TURNS_CHANCES and not quiet:
        drawn["heap_turns"] = own.randrange(1, HEAP_TURNS_MAX + 1)
    own = Random(f"{seed}/points")
    drawn |= {name: each(own) for name, each in EVERYWHERE.items()}
    drawn.update(named)
    for fault, others in APART.items():
        if fault not in named and any(named.get(other, value) != value
                                      for other, value in others.items()):
            drawn[fault] = 0
    return _sensible(Options()._replace(**drawn), random, named)._replace(**named)


def _sensible(drawn: Options, random: Random, named: Mapping[str, int]) -> Options:
    """What one option needs of another."""
    if drawn.closed_days and (drawn.up_late_per_1000 or drawn.down_late_per_1000):
        drawn = drawn._replace(late_s_max=drawn.closed_days * 86400)
    for fault, others in APART.items():
        if getattr(drawn, fault):
            drawn = drawn._replace(**others)
    if drawn.restores and drawn.epochs_revoked:
        # a recovery puts off what only the gateway can do, so its voids end it, and one under a
        # revoked key is held: it waits for as long as its merchant is suspended
        off = ({"epochs_revoked": 0} if any(named.get(name) for name in EVERYWHERE)
               else dict.fromkeys(EVERYWHERE, 0))
        drawn = drawn._replace(**off)
    if drawn.outbox_blocks == 9 and not random.randrange(3):
        # a long darkness in which the outbox of one busy terminal fills up
        drawn = drawn._replace(terminals=1, taps=TAPS_IN_ALL * 3 // 2, gap_ms_mean=500,
                               blackouts=max(drawn.blackouts, 2), blackout_s_max=300)
    return drawn


def on(options: Options) -> tuple[str, ...]:
    """Names of the faults that are on."""
    return tuple(name for name in FAULTS if getattr(options, name))


def text(options: Options) -> str:
    """What differs from a calm world, `name=value` with blanks between, in the order above."""
    return " ".join(f"{name}={value}" for name, value, usual
                    in zip(Options._fields, options, Options(), strict=True) if value != usual)


def read(words: Iterable[str]) -> dict[str, int]:
    """Options out of `name=value` words. Raises ValueError with a line for a person."""
    found: dict[str, int] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in Options._fields:
            near = difflib.get_close_matches(name[:60], Options._fields, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"no option is called {name[:60]!r}{hint}; `pointwire prove"
                             " --options` lists them")
        least, most = range_of(name)
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
        if not digits or not least <= int(value) <= most:
            raise ValueError(f"{name} takes a whole number from {least} to {most}, not"
                             f" {value[:20]!r}")
        found[name] = int(value)
    return found
