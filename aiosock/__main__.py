"""`python -m aiosock module:app`: the command line, where its script is not on the path."""

from aiosock.cli import main

main()
