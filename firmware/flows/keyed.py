"""Numbers that a cashier keys, digit by digit, beside the amount of a sale."""


def keyed(value, key, most):
    """The number behind this key (a digit, or C that takes one back); None for another key, and
    where it would exceed `most`."""
    if key == "C":
        return value // 10
    if not key.isdigit():
        return None
    value = value * 10 + int(key)
    return value if value <= most else None
