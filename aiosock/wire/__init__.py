"""HTTP/1.1 on the wire (RFC 9112): bytes to records and back. No I/O, no clock, no event loop."""
