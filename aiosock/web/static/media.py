"""Media types by file name (RFC 9110 section 8.3): the standard library's table, and what the web has added since."""

import mimetypes
import os
from typing import Final

# The standard table differs between versions and takes what the machine's own files say; the web's types do not.
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
"""Types that are text without being called so; what the web serves of them is UTF-8."""


def media_type(name: str) -> str:
    """Give the Content-Type for a file name, with a charset for text."""
    kind = _TYPES.get(os.path.splitext(name)[1].lower())
    if kind is None:
        kind, encoding = mimetypes.guess_type(name)
        # The file is what it is, not what it would unpack to: a .tar.gz is sent as gzip.
        kind = kind if encoding is None else _ENCODINGS.get(encoding)
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in _TEXT else kind
