"""What the broker keeps for the workers, thrown away: the first step of a recovery.

Law:
- Nothing is lost by it: terminals hold what they were not answered, and what they were answered
  they send when a heartbeat asks for it. But a frame published before the restore may be one
  whose tap has another name by now (WIRE, 62), and must not post under the old.
- No queue is touched before every one that was named can be, and none under a worker that is
  connected: it would go on with frames of before the restore, and without the session it needs.
- No broker says who is connected. So each worker's place is taken for WATCH_S first, by a client
  that keeps the session and acknowledges nothing: a worker that runs comes back after a second
  and takes its place again (MQTT 3.1.4-2), with all that was waiting for it.
- An id under which the broker keeps no session is refused: most likely it is misspelt, and the
  queue that was meant would stay. The session that asking made is ended, but not under a worker
  that has come for it, so that the next try is told the same.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt import CONNECT_WAIT_S, KEEPALIVE_S, SESSION_EXPIRY_S, LinkError, dressed
from gateway.settings import Mqtt

WATCH_S = 3.0  # a worker whose connection was taken is back after RECONNECT_DELAY_S_MIN


class _Held(NamedTuple):
    """A worker's place, taken: `lost` is set when the connection is; `kept`: the broker had a
    session for it."""

    lost: threading.Event
    kept: bool


def empty(settings: Mqtt, client_ids: Sequence[str], tell: Callable[[str], None]) -> None:
    """Throw away what the broker keeps for the workers with these client ids; `tell` gets a line
    for each. Raises LinkError; then what was not told stands as before."""
    _need_queues(settings, client_ids)
    for client_id in client_ids:
        # a clean session under the same id ends the one that was kept (MQTT 3.1.2.4)
        with _place(settings, client_id, keeping=False):
            tell(f"the queue of {client_id} is empty")


def _need_queues(settings: Mqtt, client_ids: Sequence[str]) -> None:
    """Raise LinkError when a worker is connected under one of these ids, or none ever was."""
    with ExitStack() as stack:
        places = {client_id: stack.enter_context(_place(settings, client_id, keeping=True))
                  for client_id in client_ids}
        _need_nobody(settings, places)
    unknown = [client_id for client_id, place in places.items() if not place.kept]
    if unknown:
        raise LinkError(
            f"the broker at {settings.address} keeps nothing for {', '.join(unknown)}: no worker"
            " with that POINTWIRE_MQTT_CLIENT_ID left a queue there. No queue was emptied and no"
            " recovery begun; name the others (--worker), or say --keep-queue where the broker"
            " has lost them all.")


def _need_nobody(settings: Mqtt, places: Mapping[str, _Held]) -> None:
    until = time.monotonic() + WATCH_S
    for client_id, place in places.items():
        if place.lost.wait(max(0.0, until - time.monotonic())):
            raise LinkError(
                f"a worker runs under {client_id} at {settings.address}: when its place was"
                " taken there, the place was taken back. No queue was emptied and no recovery"
                " begun; stop every gateway process and try again.")


@contextmanager
def _place(settings: Mqtt, client_id: str, keeping: bool) -> Iterator[_Held]:
    """Be connected in a worker's place. `keeping`: its session and its queue stay as they are; a
    session that the broker had not kept goes with the connection. Raises LinkError."""
    version5 = settings.version == "5"
    client = dressed(paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, manual_ack=True,
        reconnect_on_failure=False, protocol=paho.MQTTv5 if version5 else paho.MQTTv311,
        clean_session=None if version5 else not keeping), settings)
    answered, lost = threading.Event(), threading.Event()
    refused: list[ReasonCode] = []
    kept: list[bool] = []

    def connected(_: object, __: object, flags: paho.ConnectFlags, reason: ReasonCode,
                  ___: object) -> None:
        if reason.is_failure:
            refused.append(reason)
        else:
            kept.append(flags.session_present)
        answered.set()

    client.on_connect = connected
    client.on_disconnect = lambda *_: lost.set()
    try:
        client.connect(settings.address.host, settings.address.port, KEEPALIVE_S,
                       **_session(version5, keeping))
    except (OSError, ValueError) as error:
        raise _stands(settings, client_id, str(error)) from None
    client.loop_start()
    try:
        if not answered.wait(CONNECT_WAIT_S):
            raise _stands(settings, client_id, f"no answer within {CONNECT_WAIT_S} s")
        if refused:
            raise _stands(settings, client_id, f"it refused the connection: {refused[0]}")
        yield _Held(lost, kept[0])
    finally:
        made = keeping and kept == [False] and not lost.is_set()
        client.disconnect()
        client.loop_stop()
        if made:  # nobody's but ours; what a worker took back is the worker's
            with _place(settings, client_id, keeping=False):
                pass


def _session(version5: bool, keeping: bool) -> dict[str, Any]:
    if not version5:
        return {}
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY_S if keeping else 0
    return {"clean_start": not keeping, "properties": properties}


def _stands(settings: Mqtt, client_id: str, why: str) -> LinkError:
    return LinkError(f"the queue of {client_id} at {settings.address} could not be emptied: {why}."
                     " No recovery was begun; start the broker and try again, or empty it there"
                     " and say --keep-queue.")
