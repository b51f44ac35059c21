"""`explain`: what went wrong, in an artist's words."""

import errno

from kerasart.film.video_file import CutOffError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def explain(error: BaseException) -> str:
    """Returns the sentence of an error; a plainer one of a disk that is full, or a film cut off."""
    if isinstance(error, CutOffError):
        return "The film's file is damaged or cut off, and can be read only in part."
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return "The disk is full: make room, and try again."
        cause = cause.__cause__
    return str(error)
