"""Test an app without a socket: the real connection code and parser, a transport in memory, and a clock set by hand."""

from aiosock.testing.client import Client
from aiosock.testing.cookies import Cookies
from aiosock.testing.encoding import RequestParts
from aiosock.testing.events import EventReader, ReceivedEvent
from aiosock.testing.peer import Peer
from aiosock.testing.response import ClientResponse

__all__ = ["Client", "ClientResponse", "Cookies", "EventReader", "Peer", "ReceivedEvent", "RequestParts"]
