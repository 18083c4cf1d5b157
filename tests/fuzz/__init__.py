"""Fuzzing: near-valid request streams, and properties that hold for all of them. `python -m tests.fuzz` runs longer."""
