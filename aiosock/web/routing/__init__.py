"""Routing: registers routes, and finds the one that fits a request."""
