"""Routing: routes are registered, and the one that fits a request is found."""
