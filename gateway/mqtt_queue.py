"""The frames a broker keeps for a worker, thrown away: the first step of a recovery.

Law: nothing is lost by it. A terminal holds what it was not answered and sends it again, and what
it was answered it sends when a heartbeat asks for it. But a frame that was published before the
restore may be one whose tap has another name by now (WIRE, 62), and must not post under the old.
"""

import threading

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt import CONNECT_WAIT_S, KEEPALIVE_S, LinkError, dressed
from gateway.settings import Mqtt


def empty(settings: Mqtt, client_id: str) -> None:
    """End the session of the worker with this client id, and its queue with it: a client with a
    clean session under the same id does that (MQTT 3.1.1, 3.1.2.4; MQTT 5, 3.1.2.4).

    Raises LinkError; then the queue stands as before.
    """
    version5 = settings.version == "5"
    client = dressed(paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id,
        protocol=paho.MQTTv5 if version5 else paho.MQTTv311,
        clean_session=None if version5 else True), settings)
    answered = threading.Event()
    refused: list[ReasonCode] = []

    def connected(_: object, __: object, ___: object, reason: ReasonCode, ____: object) -> None:
        if reason.is_failure:
            refused.append(reason)
        answered.set()

    client.on_connect = connected
    try:
        client.connect(settings.address.host, settings.address.port, KEEPALIVE_S,
                       clean_start=version5 or paho.MQTT_CLEAN_START_FIRST_ONLY)
    except (OSError, ValueError) as error:
        raise _stands(settings, client_id, str(error)) from None
    client.loop_start()
    try:
        if not answered.wait(CONNECT_WAIT_S):
            raise _stands(settings, client_id, f"no answer within {CONNECT_WAIT_S} s")
        if refused:
            raise _stands(settings, client_id, f"it refused the connection: {refused[0]}")
    finally:
        client.disconnect()
        client.loop_stop()


def _stands(settings: Mqtt, client_id: str, why: str) -> LinkError:
    return LinkError(f"the queue of {client_id} at {settings.address} could not be emptied: {why}."
                     " Start the broker and try again; or empty it there, then say --keep-queue.")
