"""Clients that wrk cannot be: connections that stay, and readers of event streams."""
