"""The tests of aiosock, one file for each module, in the same folders."""
