"""Directories over HTTP: files, their parts, listings and archives."""

from aiosock.web.static.handler import StaticFiles as StaticFiles
from aiosock.web.static.policy import StaticOptions as StaticOptions
