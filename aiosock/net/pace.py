"""Pace: the limits of a peer that sends or takes bytes slowly: an idle time and a minimum rate."""


class Pace:
    """One direction of a connection. All times are seconds of the connection's clock.

    The peer may move nothing for `idle_seconds` at a time. We wait for `grace_seconds` in all, and longer for each byte
    that it moves: for its bytes divided by `min_bytes_per_second`, where 0 sets no minimum. Only waiting counts, so a
    slow handler costs the peer nothing.
    """

    __slots__ = ("_grace", "_idle", "_moved_before", "_rate", "_since", "_waited")

    def __init__(self, idle_seconds: float, min_bytes_per_second: int, grace_seconds: float) -> None:
        self._idle = idle_seconds
        self._rate = min_bytes_per_second
        self._grace = grace_seconds
        self._moved_before = 0
        self._since = 0.0
        self._waited = 0.0

    def restart(self, moved: int) -> None:
        """Measure from here. `moved` is the count of bytes so far: those do not count."""
        self._moved_before = moved
        self._waited = 0.0

    def begin(self, now: float, moved: int) -> float:
        """Start to wait; return the first `deadline`."""
        self._since = now
        return self.deadline(now, moved)

    def deadline(self, now: float, moved: int) -> float:
        """Return when the peer has been too slow, if it moves no byte from `now` on."""
        if not self._rate:
            return now + self._idle
        earned = (moved - self._moved_before) / self._rate
        waited = self._waited + now - self._since
        return now + min(self._idle, self._grace + earned - waited)

    @property
    def waited(self) -> float:
        """The seconds of all waits that have ended, since `restart`."""
        return self._waited

    def end(self, now: float) -> None:
        """Stop waiting: the peer has moved enough."""
        self._waited += now - self._since
