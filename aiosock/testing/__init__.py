"""Testing an app without a socket: real connection code, real parser, a transport in memory and a clock by hand."""

from aiosock.testing.client import Client, ClientResponse, Peer

__all__ = ["Client", "ClientResponse", "Peer"]
