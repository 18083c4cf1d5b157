"""Routing: how routes are written down, and which of them answers a request."""
