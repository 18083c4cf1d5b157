"""Programs that mypy and pyright check in strict mode and that never run: they show what an editor knows of aiosock."""
