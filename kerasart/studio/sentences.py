"""`explain`: what went wrong, in an artist's words."""

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)


def explain(error: BaseException) -> str:
    """Returns the sentence of an error, or a plainer one where the disk is full."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return "The disk is full: make room, and try again."
        cause = cause.__cause__
    return str(error)
