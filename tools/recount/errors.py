"""What keeps a recount from being carried out."""


class RecountError(Exception):
    """Nothing was compared; the message says why and what to do."""
