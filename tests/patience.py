"""How long a test waits for something that a sound program does at once."""

PATIENCE = 120.0
"""Seconds. It ends a test that would hang, and measures nothing: a busy machine may take many times longer."""
