"""Files over HTTP: directories, single files, ranges of files, listings and archives."""

from aiosock.web.static.file_response import FileResponse as FileResponse
from aiosock.web.static.handler import StaticFiles as StaticFiles
from aiosock.web.static.policy import StaticOptions as StaticOptions
