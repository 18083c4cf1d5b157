"""The tests of `aiosock.wire`: they alone cover it completely, including branches."""
