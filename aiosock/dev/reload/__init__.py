"""`--reload`: a parent holds the listening sockets, and restarts the program as its child whenever its code changes."""

from aiosock.dev.reload.starting import begin as begin
from aiosock.dev.reload.starting import run as run
