"""Programs that are checked by mypy and by pyright, both strict, and never run: what a user's editor makes of aiosock."""
