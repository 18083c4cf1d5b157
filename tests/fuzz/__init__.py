"""Fuzzing: near-valid request streams, and what must hold whatever they say. `python -m tests.fuzz` runs for longer."""
