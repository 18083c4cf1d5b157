"""Parse and write HTTP/1.1 (RFC 9112): bytes to records and back. No I/O, no clock, no event loop."""
