"""The tests of aiosock: one file for each module, in folders that mirror those of aiosock."""
