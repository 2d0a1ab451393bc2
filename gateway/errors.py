"""Errors of the gateway: one root, each with a code.

A message says what happened, what is safe and what to do. Answers to a terminal are never errors:
they are reply codes. An error here means that the gateway itself could not do its work.
"""


class GatewayError(Exception):
    """Root of all errors the gateway raises on purpose; `code` is stable and fit for a log."""

    code = "gateway"


class TryLater(GatewayError):
    """The batch could not be committed: acknowledge nothing, the terminals will send again.

    Part of it may have been stored before; the repeat is then answered with the stored replies.
    """

    code = "try_later"


class LinkMoved(GatewayError):
    """What was resolved changed before the locks were held: the batch begins again."""

    code = "link_moved"


class SealBroken(GatewayError):
    """A row was changed behind the gateway's back: nothing was stored on top of it."""

    code = "seal_broken"
