"""The I/O edge: sockets, connections, deadlines. It knows requests and responses, and nothing of apps."""
