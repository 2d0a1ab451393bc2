"""Named tasks that may not die silently.

Law: a task that ends, by an error or by itself, is said, logged and started again, after 1 s,
then doubling to 30 s until it has lived a minute. The watchdog is fed only here, and only
when every task has made progress within three quarters of its period (60 s on hardware): a
task that hangs or keeps dying lets the hardware reset the handset, and the outbox still
holds every tap.
"""

import asyncio
import gc

from micropython import const

from firmware.errors import told

RESTART_MS = const(1000)
RESTART_MS_MAX = const(30000)
LIVED_MS = const(60000)
# about two minutes of dying, one life as short as the next: then a reset has to help
DEATHS_MAX = const(8)


class _Named:
    def __init__(self, name, start):
        self.name = name
        self.start = start
        self.progress_ms = 0
        self.deaths = 0
        self.short_lives = 0
        self.began_ms = 0
        self.task = None


class Supervisor:
    """`now()` in ms; `report(name, why)` says and logs a death; `feed()` feeds the watchdog."""

    def __init__(self, now, report, feed, watchdog_ms):
        self._watch_every_ms = watchdog_ms // 3
        self._progress_within_ms = watchdog_ms * 3 // 4
        self._now = now
        self._report = report
        self._feed = feed
        self._named = []
        self.unsaid = 0
        self.error = None  # of the death that is being told, None for an end

    def add(self, name, start):
        """`start()` gives the coroutine of the task, again after each death. One that comes late
        begins when the watch is next looked at."""
        self._named.append(_Named(name, start))

    def progress(self, name):
        """Called by a task at least every third of the watchdog's period."""
        for each in self._named:
            if each.name == name:
                each.progress_ms = self._now()

    def deaths(self, name):
        for each in self._named:
            if each.name == name:
                return each.deaths
        return 0

    def stalled(self):
        """Names of the tasks that have made no progress in time, or do nothing but die."""
        now = self._now()
        return [each.name for each in self._named
                if now - each.progress_ms > self._progress_within_ms
                or each.short_lives > DEATHS_MAX and now - each.began_ms < LIVED_MS]

    async def run(self):
        """Runs until it is cancelled, and takes its tasks with it."""
        try:
            while True:
                for each in self._named:
                    if each.task is None:
                        each.progress_ms = self._now()
                        each.task = asyncio.create_task(self._guard(each))
                await asyncio.sleep_ms(self._watch_every_ms)
                if not self.stalled():
                    self._feed()
        finally:
            for each in self._named:
                if each.task:
                    each.task.cancel()
                    each.task = None

    # saying it may fail for the same reason (no memory): the task is started again all the same
    def _say(self, name, why):
        gc.collect()
        try:
            self._report(name, why)
        except Exception:  # noqa: BLE001 - nothing is left to say it with
            self.unsaid += 1

    async def _guard(self, named):
        wait_ms = RESTART_MS
        while True:
            named.began_ms = self._now()
            why = "ended"
            try:
                await named.start()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is said and logged
                why = told(error)
                self.error = error
            named.deaths += 1
            named.short_lives += 1
            self._say(named.name, why)
            self.error = None  # what it holds on to is free again
            if self._now() - named.began_ms > LIVED_MS:
                wait_ms = RESTART_MS
                named.short_lives = 0
            await asyncio.sleep_ms(wait_ms)
            wait_ms = min(wait_ms * 2, RESTART_MS_MAX)
