"""What a cashier may set: kept for the next boot first, then in force. Cold, the App's."""

from firmware.errors import SettingsError
from firmware.settings import changed


def carry_out(app, effect):
    """("set", name, value), or ("set", None, None) to hear how it is: ("kept", language, volume,
    brightness, board, boots, slips, crashes), or ("failed",), ("failed", "font"): nothing was
    kept or changed, for want of the letters of that language."""
    _, name, value = effect
    board, keys = app.board, app.keys_held()
    if keys is None:
        return ("failed",)
    if name == "language" and not app.can_speak(value):
        return ("failed", "font")
    if name:
        # of the keys' own copy: a rotation may have written newer ones than the boot read
        made = changed(keys.settings, **{name: value})
        try:
            board.save_settings(made)
        except (OSError, SettingsError):
            return ("failed",)
        keys.settings = made
        if name == "language":
            app.speak(value)
        elif name != "slips" and hasattr(board, "adjust"):
            board.adjust(name, value)
    made = keys.settings
    return ("kept", made.language, made.volume, made.brightness, board.name, board.boot_count,
            made.slips, board.crashes.count() if hasattr(board, "crashes") else 0)
