"""What the demo counts as tapped, and what it does not hand on to its processes."""

from tools import demo_run
from tools.handsets import OutboxEntry

ENTRY = OutboxEntry(7, 5, 1, 1, 1250, True, 0, 12, 9)


def test_only_what_was_not_in_the_outbox_before_is_of_this_run():
    second = OutboxEntry(7, 5, 2, 1, 300, False, None, None, None)
    (found,) = demo_run.tapped([ENTRY, second], {(7, 5, 1)})
    assert found.key == (7, 5, 2) and found.code is None


def test_settings_of_another_gateway_are_not_inherited():
    env = {"POINTWIRE_DATABASE_URL": "postgresql://live", "PATH": "/bin"}
    assert demo_run._clean(env) == {"PATH": "/bin"}
