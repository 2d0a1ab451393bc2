"""The demo's embedded MQTT broker: amqtt on 127.0.0.1, with the registry's credentials and rules.

For the demo only; it is no queue (un-acknowledged messages die with a connection) and speaks
MQTT 3.1.1 without TLS. Production runs Mosquitto or a cluster. Law:
- Nobody gets in but the gateway's own user and the terminals of the registry, each under the
  client id that is its own, and each with a will for its own `state` topic or none.
- A terminal writes only its own `up` and `state` and reads only its own `down`; the gateway
  writes only `down` and reads only `up` and `state`.
- Credentials are checked before a session is touched. amqtt 0.12 deletes or takes over the
  session of a client id first and asks the plugins afterwards, so a stranger could end the
  gateway's session without a password; `GuardedBroker` turns that order round.
- Who comes under a client id that is connected already takes its place: the other connection is
  ended first, through to its socket (MQTT 3.1.4-2). amqtt leaves the socket of one that comes
  with a clean session open, without subscriptions: a client that hears nothing and never knows;
  and it marks a session that goes on as gone when the old connection ends behind the new.
- Who connects and says nothing, or nonsense, is put out after CONNECT_WAIT_S at the latest and
  leaves nothing behind; no message is lost because somebody subscribes meanwhile.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import click
from amqtt.adapters import ReaderAdapter, StreamWriterAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import BrokerError, MQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from gateway import settings, startup
from gateway.errors import GatewayError
from gateway.keyring import Keyring
from gateway.registry import Registry
from protocol import topics
from tools.errors import EXIT_NOT_READY, NotReady, PortTaken, ToolError

CONNECT_WAIT_S = 10.0
LEAVE_STEP_S = 0.05    # how often a connection that loses its place is told to end ...
LEAVE_STEPS_MAX = 40   # ... before it is cut off

# (user, password) -> terminal id, or None; Registry.mqtt_login is one
Login = Callable[[str, str], int | None]
Notice = Callable[[dict[str, object]], None]


@dataclass(frozen=True)
class House:
    """Who may enter: terminals by `login`, the gateway by its own user name and password."""

    login: Login
    gateway_user: str
    gateway_password: str


def who(house: House, session: Session) -> int | None:
    """0 for the gateway, the terminal's id for a terminal, None for everyone else."""
    user, password = session.username or "", session.password or ""
    client_id = session.client_id or ""
    will_topic = session.will_topic if session.will_flag else None
    if user == house.gateway_user:
        same = hmac.compare_digest(password.encode(), house.gateway_password.encode())
        named = bool(client_id) and not client_id.isdigit()
        return 0 if same and named and will_topic is None else None
    terminal_id = house.login(user, password)
    if terminal_id is None or client_id != str(terminal_id):
        return None
    if will_topic is not None and will_topic != topics.state(terminal_id):
        return None
    return terminal_id


def may(terminal_id: int, action: Action, topic: str) -> bool:
    """The topic rules; `terminal_id` 0 is the gateway."""
    if terminal_id == 0:
        kind = (topics.parse(topic) or (0, ""))[1]
        if action == Action.SUBSCRIBE:
            return topic in (topics.UP_FILTER, topics.STATE_FILTER)
        return kind == "down" if action == Action.PUBLISH else kind in ("up", "state")
    if action == Action.PUBLISH:
        return topic in (topics.up(terminal_id), topics.state(terminal_id))
    return topic == topics.down(terminal_id)


class Gate(BaseAuthPlugin, BaseTopicPlugin):
    """The plugin amqtt asks. What `authenticate` found out is kept on the session."""

    @dataclass
    class Config(BaseAuthPlugin.Config):
        house: Any = None
        notice: Any = None

    async def authenticate(self, *, session: Session) -> bool:
        terminal_id = who(self.config.house, session)
        session.pointwire_id = terminal_id  # type: ignore[attr-defined]
        return terminal_id is not None

    async def topic_filtering(self, *, session: Session | None = None, topic: str | None = None,
                              action: Action | None = None) -> bool:
        terminal_id = getattr(session, "pointwire_id", None)
        if terminal_id is None or topic is None or action is None:
            return False
        return may(terminal_id, action, topic)

    async def on_broker_client_subscribed(self, client_id: str, topic: str, qos: int) -> None:
        self.config.notice({"event": "subscribed", "client_id": client_id, "topic": topic})


class Steady(dict[str, Any]):
    """A dict that may change while somebody walks over it: the walk is over a copy.

    amqtt walks over its subscriptions with pauses in between; one that came or went meanwhile
    ended the walk, and with it the delivery of a message that was acknowledged already.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class Guest(NamedTuple):
    """Who is connected under a client id: its handler, and the task that serves it."""

    handler: BrokerProtocolHandler
    task: asyncio.Task[Any]


async def _ended(guest: Guest) -> None:
    """Have a connection end as if its client had gone, will and all."""
    for _ in range(LEAVE_STEPS_MAX):
        await guest.handler.handle_connection_closed()  # one that is only starting forgets it
        if (await asyncio.wait({guest.task}, timeout=LEAVE_STEP_S))[0]:
            return
    guest.task.cancel()
    await asyncio.wait({guest.task})


class GuardedBroker(Broker):
    """amqtt's broker with the door in front of the sessions instead of behind them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(dict(config))
        self._guests: dict[str, Guest] = {}
        self._subscriptions = Steady()
        self._retained_messages = Steady()

    async def _client_connected(self, listener_name: str, reader: ReaderAdapter,
                                writer: WriterAdapter) -> None:
        """amqtt leaves the connection of a client that it did not let in half open, and one
        that ended while it said goodbye too: its own `close` then does nothing any more."""
        try:
            await super()._client_connected(listener_name, reader, writer)
        finally:
            with contextlib.suppress(OSError):
                await writer.close()
            if isinstance(writer, StreamWriterAdapter):
                writer._writer.close()

    async def _initialize_client_session(
            self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str,
            remote_port: int) -> tuple[BrokerProtocolHandler, Session]:
        try:
            handler, session = await asyncio.wait_for(BrokerProtocolHandler.init_from_connect(
                reader, writer, self.plugins_manager), CONNECT_WAIT_S)
        except (OSError, TimeoutError) as error:
            raise MQTTError(f"no CONNECT: {error or 'none in time'}") from None
        if not await self._authenticate(session, self.listeners_config["default"]):
            with contextlib.suppress(OSError):
                await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            raise MQTTError("refused: unknown user, wrong password, client id or will")
        client_id = session.client_id or ""
        await self._take_place(client_id, handler)
        held = self._sessions.get(client_id)
        if session.clean_session or held is None or held[0].clean_session:
            await self._delete_session(client_id)
            session.parent = 0
            return handler, session
        # a persistent session goes on under the new connection, with the new credentials
        kept = held[0]
        for name in ("will_flag", "will_message", "will_topic", "will_qos", "will_retain",
                     "keep_alive", "username", "password", "pointwire_id"):
            setattr(kept, name, getattr(session, name))
        kept.parent = 1
        return handler, kept

    async def _take_place(self, client_id: str, handler: BrokerProtocolHandler) -> None:
        """End whoever is connected under this id, and only then be the one who is."""
        while (other := self._guests.get(client_id)) is not None:
            await _ended(other)
        task = asyncio.current_task()
        assert task is not None
        self._guests[client_id] = Guest(handler, task)
        task.add_done_callback(lambda _: self._guests.pop(client_id))

    async def _publish_retained_messages_for_subscription(
            self, subscription: tuple[str, int], session: Session) -> None:
        """amqtt offers a returning client the retained messages of everybody's subscriptions."""
        subscribers = self._subscriptions.get(subscription[0], [])
        if any(each is session for each, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(host: str, port: int, house: House, notice: Notice,
                stop: asyncio.Event) -> None:
    """Listen until `stop`. `notice` gets "listening" and "subscribed" events as dicts."""
    broker = GuardedBroker({
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {"tools.broker.Gate": {"house": house, "notice": notice}},
    })
    try:
        await broker.start()
    except BrokerError as error:
        raise PortTaken(f"{host}:{port} cannot be listened on ({error}). Nothing was started: "
                        "free the port or name another.") from None
    instance = broker._servers["default"].instance
    bound = instance.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    notice({"event": "listening", "host": host, "port": bound})
    await stop.wait()
    with contextlib.suppress(BrokerError):
        await broker.shutdown()


def _print_line(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)


async def _until_signal(host: str, port: int, house: House) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    await serve(host, port, house, _print_line, stop)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, required=True, help="0 takes a free one")
def main(host: str, port: int) -> None:
    """Run the demo's broker with the gateway's settings from the environment."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_until_signal(host, port, _house(os.environ)))
    except (ToolError, GatewayError) as error:
        click.echo(f"broker: {error}", err=True)
        sys.exit(error.exit_code if isinstance(error, ToolError) else EXIT_NOT_READY)


def _house(env: Mapping[str, str]) -> House:
    """Who may enter, by the gateway's own settings and registry."""
    read = settings.from_environment(env)
    mqtt = settings.need_mqtt(read)
    if not mqtt.user or not mqtt.password:
        raise NotReady("the gateway's MQTT user or password is not set. Nothing was started: "
                       "set POINTWIRE_MQTT_URL=mqtt://user@host:port and "
                       "POINTWIRE_MQTT_PASSWORD.")
    keyring = Keyring(read.master_key, read.audit_key, read.frame_key)
    book = Registry(startup.open_database(read.database_url), keyring)
    return House(book.mqtt_login, mqtt.user, mqtt.password)


if __name__ == "__main__":
    main()
