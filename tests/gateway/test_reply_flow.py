"""The flow of replies: never more under way than allowed, none twice, none out of turn."""

from gateway.reply_flow import Outgoing, ReplyFlow


def replies(count: int) -> list[Outgoing]:
    return [Outgoing(f"pw/1/{n}/down", bytes([n])) for n in range(1, count + 1)]


def test_no_more_leave_than_the_broker_allows():
    flow = ReplyFlow(allowed=2, waiting_max=10)
    first, second, third = replies(3)
    assert all(flow.offer(reply) for reply in (first, second, third))
    assert [flow.next(), flow.next(), flow.next()] == [first, second, None]
    flow.confirmed()
    assert flow.next() == third


def test_a_reconnect_sends_first_what_it_caught():
    flow = ReplyFlow(allowed=2, waiting_max=10)
    first, second, third = replies(3)
    for reply in (first, second, third):
        flow.offer(reply)
    caught = [flow.next(), flow.next()]
    flow.restart(reply for reply in caught if reply)
    flow.allowed = 5
    assert [flow.next(), flow.next(), flow.next(), flow.next()] == [first, second, third, None]


def test_a_late_confirmation_of_the_old_connection_opens_no_place():
    flow = ReplyFlow(allowed=1, waiting_max=10)
    flow.restart([])
    flow.confirmed()
    for reply in replies(2):
        flow.offer(reply)
    assert flow.next() is not None and flow.next() is None


def test_a_full_line_refuses_and_is_empty_only_when_all_are_confirmed():
    flow = ReplyFlow(allowed=1, waiting_max=1)
    first, second = replies(2)
    assert flow.empty and flow.offer(first) and not flow.offer(second)
    flow.next()
    assert not flow.empty
    flow.confirmed()
    assert flow.empty
