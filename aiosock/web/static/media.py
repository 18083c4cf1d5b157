"""Media types by file name (RFC 9110 section 8.3): a table of our own, because that of the system differs between machines.

The names are those that IANA has registered, as far as there are any.
"""

import os
from typing import Final

_SUFFIXES: Final = {
    "application/atom+xml": "atom",
    "application/dash+xml": "mpd",
    "application/epub+zip": "epub",
    "application/geo+json": "geojson",
    "application/gzip": "gz tgz",
    "application/java-archive": "jar",
    "application/json": "json map",
    "application/jsonl": "jsonl ndjson",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/mbox": "mbox",
    "application/msword": "doc dot",
    "application/n-quads": "nq",
    "application/n-triples": "nt",
    "application/pdf": "pdf",
    "application/pgp-signature": "asc sig",
    "application/pkcs10": "csr p10",
    "application/pkix-cert": "cer",
    "application/postscript": "ai eps ps",
    "application/rdf+xml": "rdf",
    "application/rss+xml": "rss",
    "application/rtf": "rtf",
    "application/sql": "sql",
    "application/toml": "toml",
    "application/trig": "trig",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.apache.arrow.file": "arrow feather",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apple.mpegurl": "m3u m3u8",
    "application/vnd.debian.binary-package": "deb",
    "application/vnd.google-earth.kml+xml": "kml",
    "application/vnd.google-earth.kmz": "kmz",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-fontobject": "eot",
    "application/vnd.ms-powerpoint": "pot pps ppt",
    "application/vnd.oasis.opendocument.graphics": "odg",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.sqlite3": "db sqlite sqlite3",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/x-hdf5": "h5 hdf5",
    "application/x-pem-file": "pem",
    "application/x-pkcs12": "p12 pfx",
    "application/x-rpm": "rpm",
    "application/x-sh": "sh",
    "application/x-tar": "tar",
    "application/x-tex": "tex",
    "application/x-x509-ca-cert": "crt",
    "application/xhtml+xml": "xht xhtml",
    "application/xml": "wsdl xml xsd xsl",
    "application/xslt+xml": "xslt",
    "application/yaml": "yaml yml",
    "application/zip": "whl zip",
    "application/zstd": "zst",
    "audio/aac": "aac adts",
    "audio/basic": "au snd",
    "audio/flac": "flac",
    "audio/matroska": "mka",
    "audio/midi": "mid midi",
    "audio/mp4": "m4a m4b",
    "audio/mpeg": "mp2 mp3",
    "audio/ogg": "oga ogg opus spx",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "audio/x-aiff": "aif aifc aiff",
    "font/collection": "ttc",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jfif jpe jpeg jpg",
    "image/jxl": "jxl",
    "image/png": "png",
    "image/svg+xml": "svg svgz",
    "image/tiff": "tif tiff",
    "image/vnd.adobe.photoshop": "psd",
    "image/webp": "webp",
    "image/x-icon": "cur ico",
    "image/x-portable-bitmap": "pbm",
    "image/x-portable-graymap": "pgm",
    "image/x-portable-pixmap": "ppm",
    "message/rfc822": "eml",
    "model/3mf": "3mf",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "model/stl": "stl",
    "model/vnd.usdz+zip": "usdz",
    "multipart/related": "mht mhtml",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "htm html",
    "text/javascript": "cjs js mjs",
    "text/markdown": "markdown md",
    "text/plain": (
        "adoc bat c cc cfg conf cpp cs diff go h hpp ini java jsx kt log lua patch php pl ps1 rb rs rst srt swift tsx txt zig"
    ),
    "text/tab-separated-values": "tsv",
    "text/turtle": "ttl",
    "text/vcard": "vcard vcf",
    "text/vtt": "vtt",
    "text/x-python": "py",
    "video/3gpp": "3gp 3gpp",
    "video/3gpp2": "3g2",
    "video/iso.segment": "cmfa cmfv m4s",
    "video/matroska": "mkv",
    "video/mp2t": "m2ts mts ts",
    "video/mp4": "m4v mp4",
    "video/mpeg": "mpeg mpg",
    "video/ogg": "ogv",
    "video/quicktime": "mov qt",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/x-msvideo": "avi",
}
"""Suffixes by type. A .ts is a film rather than a program: of the two, only films are played in browsers."""

_TYPES: Final = {f".{suffix}": kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}

_TEXT: Final = frozenset({"application/json", "application/jsonl", "application/xml", "image/svg+xml"})
"""Types that are text although their names do not start with text/. On the web they are UTF-8."""


def media_type(name: str) -> str:
    """Return the Content-Type for a file name, with a charset for text.

    The type describes the file itself, not its unpacked content: a .tar.gz is gzip. But see `own_coding`.
    """
    kind = _TYPES.get(_suffix(name), "application/octet-stream")
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind in _TEXT else kind


def own_coding(name: str) -> str:
    """Return the content coding (RFC 9110 section 8.4.1) that a file has by itself.

    An .svgz is an SVG in gzip: browsers show it only if the field Content-Encoding says so.
    """
    return "gzip" if _suffix(name) == ".svgz" else "identity"


def is_known(name: str) -> bool:
    """Return whether the suffix of a name has a media type."""
    return _suffix(name) in _TYPES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
