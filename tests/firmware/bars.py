"""The first line of a screen. Runs on both interpreters."""

from firmware import views


def bar(up=True, unsent=0, alerted=0, fault=None):
    """As a simulated board shows it, whose battery and signal never change."""
    return views.bar(views.Status(up, unsent, 1, "", fault, "", -71, 80, "", None), alerted)


def plain_bar(up=True, unsent=0, alerted=0, fault=None):
    """As the unix board shows it, which has neither."""
    return views.bar(views.Status(up, unsent, 1, "", fault, "", None, None, "", None), alerted)
