"""What HQ does while merchants work: cards, members, merchants, terminals, verdicts, keys.

Law: everything goes the gateway's own way, at a moment in which its database works; what was done
is told to the story when it is committed.
"""

from collections.abc import Callable
from random import Random

from sqlalchemy import select

from gateway import held, held_list
from gateway.parties import ACTIVE, BLOCKED, LOST, SUSPENDED
from gateway.tables import merchants, terminals
from tools.prove import story
from tools.prove.mishaps import Mishaps

WORDS = ("post", "refuse")


class Office(Mishaps):
    """HQ of one world."""

    def plan(self) -> None:
        options = self.options
        for name, count, act in (
                ("cards_lost", options.cards_lost, self._lose_card),
                ("cards_blocked", options.cards_blocked, self._block_card),
                ("members_suspended", options.members_suspended, self._suspend_member),
                ("merchants_suspended", options.merchants_suspended, self._suspend_merchant),
                ("terminals_suspended", options.terminals_suspended, self._suspend_terminal),
                ("key_rotations", options.key_rotations, self._rotate),
                ("epochs_revoked", options.epochs_revoked, self._revoke),
                ("verdicts", options.verdicts, self._judge)):
            self.schedule(self.world.stream(name), count, act)

    # -- states --------------------------------------------------------------------------------

    def _change(self, what: str, subject: int, value: str, act: Callable[[], None]) -> None:
        with self.world.base.well():
            act()
        shown = f"{subject % 10000:04}" if what == story.CARD else subject
        self.note("hq", what, shown, value)
        self.world.witness.happened(what, subject, value)

    def _lose_card(self, random: Random) -> None:
        self._set_card(random, LOST)

    def _block_card(self, random: Random) -> None:
        self._set_card(random, BLOCKED)

    def _set_card(self, random: Random, state: str) -> None:
        card = self.world.cards[random.randrange(len(self.world.cards))]
        self._change(story.CARD, card, state,
                     lambda: self.world.registry.set_card_state(card, state))

    def _suspend_member(self, random: Random) -> None:
        self._suspend(random, story.MEMBER, self.world.facts.members[:self.options.members],
                      lambda one, state: self.world.registry.set_member_state(one, state))

    def _suspend_merchant(self, random: Random) -> None:
        self._suspend(random, story.MERCHANT,
                      tuple(sorted(set(self.world.facts.merchants.values()))),
                      lambda one, state: self.world.registry.set_merchant_state(one, state))

    def _suspend_terminal(self, random: Random) -> None:
        self._suspend(random, story.TERMINAL,
                      tuple(each.terminal_id for each in self.world.handsets),
                      lambda one, state: self.world.registry.set_terminal_state(one, state))

    def _suspend(self, random: Random, what: str, subjects: tuple[int, ...],
                 act: Callable[[int, str], None]) -> None:
        subject = subjects[random.randrange(len(subjects))]
        self._change(what, subject, SUSPENDED, lambda: act(subject, SUSPENDED))
        back_us = self.world.moment(random)
        if random.randrange(2) and back_us > self.world.loop.now_us:
            self.at(back_us, lambda: self._change(what, subject, ACTIVE,
                                                  lambda: act(subject, ACTIVE)))

    def reinstate(self) -> None:
        """Merchants and terminals that are suspended by now may go on."""
        registry = self.world.registry
        for what, table, act in ((story.MERCHANT, merchants, registry.set_merchant_state),
                                 (story.TERMINAL, terminals, registry.set_terminal_state)):
            with self.world.base.well(), self.world.base.engine.connect() as connection:
                found = connection.execute(select(table.c.id).where(
                    table.c.state == SUSPENDED).order_by(table.c.id)).scalars().all()
            for subject in found:
                self._change(what, subject, ACTIVE,
                             lambda act=act, subject=subject: act(subject, ACTIVE))

    # -- keys ----------------------------------------------------------------------------------

    def _rotate(self, random: Random) -> None:
        """The next key epoch of a terminal; the broker learns its user at the same time."""
        handset = self.world.handsets[random.randrange(len(self.world.handsets))]
        with self.world.base.well():
            epoch = self.world.registry.advance_epoch(handset.terminal_id)
        self.world.admit(handset.terminal_id, epoch)
        self.note("hq", "epoch", handset.terminal_id, epoch)

    def _revoke(self, random: Random) -> None:
        """A key is given up; the broker has not heard of it yet."""
        handset = self.world.handsets[random.randrange(len(self.world.handsets))]
        terminal_id, epoch = handset.terminal_id, handset.settings.epoch
        with self.world.base.well():
            self.world.registry.revoke_epoch(terminal_id, epoch)
        self.note("hq", "revoked", terminal_id, epoch)
        self.world.witness.happened(story.EPOCH_REVOKED, terminal_id, epoch)

    # -- verdicts ------------------------------------------------------------------------------

    def _judge(self, random: Random) -> None:
        """HQ looks at the held taps and decides some of them, each after thinking about it: a
        void or another verdict may come meanwhile."""
        with self.world.base.well():
            seen = [tap.key for tap in held_list.waiting(self._intake)]
        for key in seen:
            word, now = WORDS[random.randrange(2)], random.randrange(2)
            if now:
                self.after(random, self.options.verdict_s_max,
                           lambda key=key, word=word: self._decide(key, word))

    @property
    def _intake(self) -> held.Intake:
        return self.world.processes[0].intake

    def _decide(self, key: held.HeldKey, word: str) -> None:
        """One verdict, and what HQ was told: the checker knows which of them must succeed."""
        with self.world.base.well():
            try:
                (held.post if word == "post" else held.refuse)(self._intake, key, "clerk", "drawn")
                what = story.VERDICT
            except held.HeldError:
                what = story.VERDICT_FAILED
        self.note("hq", what, *key, word)
        self.world.witness.happened(what, tuple(key), word)
