"""Test an app without a socket: the real connection code and parser, a transport in memory, and a clock set by hand."""

from aiosock.testing.client import Client, ClientResponse, Peer

__all__ = ["Client", "ClientResponse", "Peer"]
