"""What goes wrong between handsets and ledger: broker, gateway processes, their machine."""

from random import Random

from simulator import shore as steps
from simulator.shore import Crash
from tools.prove import driver, story
from tools.prove.mishaps import Mishaps

IO_STATEMENTS_MAX = 40
UNSURE_COMMITS_MAX = 5
DISK_OPERATIONS_MAX = 30
KILLS = ((steps.BEFORE_COMMIT, "killed_before_commit_per_1000"),
         (steps.AFTER_COMMIT, "killed_after_commit_per_1000"),
         (steps.BETWEEN_ACKS, "killed_between_acks_per_1000"),
         (steps.BEFORE_REPLIES, "killed_before_replies_per_1000"),
         (steps.BETWEEN_REPLIES, "killed_between_replies_per_1000"))
RESTORE_MS = 3000


class ServerTrouble(Mishaps):
    """Of broker, workers and database."""

    def plan(self) -> None:
        options = self.options
        for name, count, act in (
                ("broker_restarts", options.broker_restarts, self._restart_broker),
                ("broker_restarts_queue_lost", options.broker_restarts_queue_lost,
                 self._restart_broker_queue_lost),
                ("broker_mutes", options.broker_mutes, self._mute_broker),
                ("sessions_destroyed", options.sessions_destroyed, self._destroy_session),
                ("partitions", options.partitions, self._partition),
                ("database_locked", options.database_locked, self._lock_database),
                ("database_full", options.database_full, self._fill_database),
                ("database_io_errors", options.database_io_errors, self._fail_io),
                ("commits_unsure", options.commits_unsure, self._doubt_commit),
                ("server_power_losses", options.server_power_losses, self._lose_server_power)):
            self.schedule(self.world.stream(name), count, act)
        self._plan_kills()
        self._plan_restores()

    def relief(self) -> None:
        super().relief()
        world = self.world
        world.base.relieve()
        world.broker.open, world.broker.mute = True, False
        for way in world.mischiefs:
            way.calm()
        for each in world.shores:
            each.fate = lambda: None

    # -- broker --------------------------------------------------------------------------------

    def _restart_broker(self, random: Random, queue_lost: bool = False) -> None:
        world = self.world
        if not world.broker.open:
            return
        down_ms = self.after(random, self.options.broker_down_s_max, self._open_broker)
        world.broker.open = False
        lost = world.broker.restart(queue_lost)
        self.note("broker", "restart_queue_lost" if queue_lost else "restart", lost)
        for each in world.shores:
            each.cut_off("broker_gone", down_ms)

    def _restart_broker_queue_lost(self, random: Random) -> None:
        self._restart_broker(random, True)

    def _open_broker(self) -> None:
        self.world.broker.open = True

    def _mute_broker(self, random: Random) -> None:
        self.world.broker.mute = True
        self.note("broker", "mute")
        self.after(random, self.options.broker_mute_s_max, self._unmute)

    def _unmute(self) -> None:
        self.world.broker.mute = False

    def _destroy_session(self, random: Random) -> None:
        place = random.randrange(len(self.world.shores))
        lost = self.world.broker.sessions[place].destroy()
        self.note("broker", "session_destroyed", place, lost)
        self.world.shores[place].cut_off("session_taken", random.randrange(200, 5000))

    # -- gateway -------------------------------------------------------------------------------

    def _plan_kills(self) -> None:
        wanted = [(step, getattr(self.options, name)) for step, name in KILLS
                  if getattr(self.options, name)]
        if not wanted:
            return
        streams = {step: self.world.stream("killed", step) for step, _ in wanted}

        def fate() -> Crash | None:
            doom = None
            for step, per_1000 in wanted:
                random = streams[step]
                hit = random.randrange(1000) < per_1000
                down_ms = random.randrange(1, self.options.killed_down_s_max * 1000 + 1)
                part = random.randrange(257)
                if hit and doom is None:
                    doom = Crash(step, down_ms, part)
            return doom

        for each in self.world.shores:
            each.fate = fate

    def _partition(self, random: Random) -> None:
        shores = self.world.shores
        down_ms = random.randrange(1, self.options.partition_s_max * 1000 + 1)
        shores[random.randrange(len(shores))].cut_off("partition", down_ms)

    # -- database ------------------------------------------------------------------------------

    def _lock_database(self, random: Random) -> None:
        self._database_fails(driver.LOCKED)
        self.world.base.lock(True)
        self.after(random, self.options.database_locked_s_max,
                   lambda: self.world.base.lock(False))

    def _fill_database(self, random: Random) -> None:
        self._database_fails(driver.FULL)
        self.world.base.fill(True)
        self.after(random, self.options.database_full_s_max,
                   lambda: self.world.base.fill(False))

    def _fail_io(self, random: Random) -> None:
        self._database_fails(driver.IO)
        self.world.base.fail(driver.IO, random.randrange(1, IO_STATEMENTS_MAX + 1))

    def _doubt_commit(self, random: Random) -> None:
        self._database_fails(driver.UNSURE)
        self.world.base.fail(driver.UNSURE, random.randrange(1, UNSURE_COMMITS_MAX + 1))

    def _database_fails(self, kind: str) -> None:
        """From now on it can; what the story hears of it is told when it does (world.py)."""
        self.note("database", "fails", kind)

    def _lose_server_power(self, random: Random) -> None:
        """In the middle of what the disk does next; nothing at all, if it has nothing to do."""
        self.world.base.cut_after(random.randrange(1, DISK_OPERATIONS_MAX + 1))

    # -- restore -------------------------------------------------------------------------------

    def _plan_restores(self) -> None:
        random = self.world.stream("restores")
        for number in range(self.options.restores):
            made_us, back_us = sorted((self.world.moment(random), self.world.moment(random)))
            self.at(made_us, lambda name=f"backup{number}", at=back_us: self._back_up(name, at))

    def _back_up(self, name: str, restore_at_us: int) -> None:
        backup = self.world.base.copy()
        self.note("server", "backup", name)
        self.world.witness.happened(story.BACKUP, name)
        self.at(restore_at_us, lambda: self._restore(name, backup))

    def _restore(self, name: str, backup: object) -> None:
        """Every process is stopped, the database is the older one, HQ begins a recovery, which
        empties the broker's queue, and every process starts again. What HQ did since is not
        repeated: nobody remembers it.

        A copy that the broker does not hold may still come later. Not where a tap may have moved
        after a 62 (tests/README.md): under its old name it would post again."""
        world = self.world
        for each in world.shores:
            each.kill("restoring", RESTORE_MS)
        lost = sum(session.destroy() for session in world.broker.sessions)
        if self.options.planted:
            lost += world.mischiefs[0].forget()
        world.base.restore(backup)
        with world.base.well():
            world.new_registry()
        world.begin_recovery()
        self.note("server", "restored", name, lost)
        world.witness.happened(story.RESTORED, name)
