"""The tests of `aiosock.wire`: they alone cover it, branches included."""
