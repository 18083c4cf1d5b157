"""Live reload: pages load themselves again when the program or a file of theirs has changed."""

from aiosock.dev.livereload.handler import LiveReload as LiveReload
from aiosock.dev.livereload.handler import with_live_reload as with_live_reload
from aiosock.dev.livereload.hub import Hub as Hub
