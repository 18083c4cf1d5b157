"""Media types by file name (RFC 9110 section 8.3): the standard library's table, and newer types of the web."""

import mimetypes
import os
from typing import Final

# The standard library's table differs between versions and machines: it reads the system's own files. This one does not.
_TYPES: Final = {
    ".aac": "audio/aac",
    ".avif": "image/avif",
    ".cjs": "text/javascript",
    ".css": "text/css",
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".heic": "image/heic",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".ics": "text/calendar",
    ".js": "text/javascript",
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".jxl": "image/jxl",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mkv": "video/matroska",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}

_ENCODINGS: Final = {"gzip": "application/gzip"}

_TEXT: Final = frozenset({"application/json", "application/xml", "image/svg+xml"})
"""Types that are text although their names do not start with text/. On the web they are UTF-8."""


def media_type(name: str) -> str:
    """Return the Content-Type for a file name, with a charset for text."""
    kind = _TYPES.get(os.path.splitext(name)[1].lower())
    if kind is None:
        kind, encoding = mimetypes.guess_type(name)
        # The type describes the file itself, not its unpacked content: a .tar.gz is gzip.
        kind = kind if encoding is None else _ENCODINGS.get(encoding)
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in _TEXT else kind
