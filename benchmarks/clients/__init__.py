"""Clients for loads that wrk cannot make: idle connections, and readers of event streams."""
