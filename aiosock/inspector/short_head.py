"""What is kept of a head that is too long."""

from typing import Final

from aiosock.observe import ObservedHead

TARGET_CHARACTERS: Final = 512
"""What is kept of its target."""


class ShortHead:
    """What is kept of a head that is too long."""

    def __init__(self, method: str, target: str, version: str) -> None:
        self.method: str = method
        self.target: str = target
        self.version: str = version

    def field(self, name: str, default: str = "") -> str:
        """Return the default: no field is kept."""
        return default


def shortened(head: ObservedHead) -> ShortHead:
    """Return the beginning of a head."""
    target = head.target if len(head.target) <= TARGET_CHARACTERS else head.target[:TARGET_CHARACTERS] + "…"
    return ShortHead(head.method[:TARGET_CHARACTERS], target, head.version)
