"""Directories over HTTP: files, ranges of files, listings and archives."""

from aiosock.web.static.handler import StaticFiles as StaticFiles
from aiosock.web.static.policy import StaticOptions as StaticOptions
