"""Every option, once: a field with its unit in its name, its default, and the precedent for that default.

The string below a field is its help: the command line, the environment and the TOML file are read from these fields.
"""

from dataclasses import dataclass, field, fields
from typing import Literal

from aiosock.errors import ConfigError

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a peer may make the server hold or do.

    ```python
    run(app, port=8080, limits=Limits(body_bytes=1024 * 1024, connections=1000))
    ```
    """

    head_bytes: int = 32 * KIB  # nginx: 4 buffers of 8 KiB
    """A request head; also the chunk extensions and trailers of one body. Beyond it: 431."""
    request_line_bytes: int = 8 * KIB  # RFC 9112 section 3 asks for 8000 at least; Apache: 8190
    """A request line, with any empty lines before it. Beyond it: 414."""
    fields: int = 100  # Apache: LimitRequestFields 100
    """Field lines of a head or of a trailer section. Beyond it: 431."""
    body_bytes: int = 16 * MIB  # between nginx (1 MiB) and Go's forms (32 MiB)
    """A body read whole into memory, unless the route says otherwise. Beyond it: 413. Streamed bodies have no limit."""
    form_bytes: int = 128 * MIB  # ASP.NET Core: MultipartBodyLengthLimit 128 MiB
    """A multipart form with its files, unless the route says otherwise. Beyond it: 413."""
    form_memory_bytes: int = 1 * MIB  # Starlette: spool_max_size 1 MiB, there for each file
    """Files of a form that are held in memory; those beyond it go to a temporary file. 0: all do."""
    form_field_bytes: int = 1 * MIB  # Starlette: max_part_size 1 MiB
    """A field of a form that is no file. Beyond it: 413. All fields together have body_bytes."""
    form_parts: int = 1000  # PHP: max_input_vars 1000; Starlette: max_fields 1000
    """Fields and files of a form. Beyond it: 413."""
    form_headers: int = 8  # multipart: max_header_count 8; RFC 7578 knows three
    """Header lines of a part of a form. Beyond it: 413."""
    form_header_bytes: int = 4 * KIB  # multipart: max_header_size 4 KiB
    """A header line of a part of a form. Beyond it: 413."""
    unread_body_bytes: int = 256 * KIB  # Go: maxPostHandlerReadBytes
    """What is read and dropped of a body no handler wanted, so that the connection can be kept."""
    read_buffer_bytes: int = 64 * KIB  # asyncio.StreamReader
    """What is received ahead of the handler, for each connection; twice this stops reading from the socket."""
    write_buffer_bytes: int = 64 * KIB  # asyncio's high-water mark
    """What waits for a slow peer, for each connection; beyond it the handler waits too."""
    connections: int = 0
    """Connections open at once; further ones wait in the kernel. 0, and at most: half of RLIMIT_NOFILE, less a reserve."""
    cached_file_bytes: int = 256 * KIB  # beyond it, the kernel copies the file to the socket
    """A static file that is kept in memory. 0: none."""
    file_cache_bytes: int = 64 * MIB  # Varnish and others take a fraction of the memory; a web site has some ten MiB
    """Static files kept in memory, for each StaticFiles. 0: none."""
    concurrency: int = 0  # uvicorn: limit_concurrency, off too
    """Requests that an App answers at once; further ones get 503, but for health routes. 0: no limit."""

    def __post_init__(self) -> None:
        """Raise ConfigError where a limit is not positive."""
        _demand_positive(
            self,
            "limits",
            may_be_zero={
                "cached_file_bytes",
                "concurrency",
                "connections",
                "file_cache_bytes",
                "form_memory_bytes",
                "unread_body_bytes",
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a peer may make the server wait.

    ```python
    run(app, port=8080, timeouts=Timeouts(head_seconds=5, keep_alive_seconds=30))
    ```
    """

    head_seconds: float = 10.0  # Caddy and Go advise 5 to 10; nginx waits 60
    """From the first byte of a request, or the connection, to the end of its head. After it: 408."""
    keep_alive_seconds: float = 75.0  # nginx: keepalive_timeout 75s
    """Between an answer and the first byte of the next request."""
    body_idle_seconds: float = 20.0  # Apache: mod_reqtimeout body=20
    """For the next piece of a request body. After it: 408."""
    body_min_bytes_per_second: int = 240  # Kestrel: MinRequestBodyDataRate
    """Average below which a request body is given up, once the grace is over. 0: no minimum."""
    write_idle_seconds: float = 30.0  # nginx: send_timeout 60s
    """Without the peer taking a byte of the answer. After it the connection is reset."""
    write_min_bytes_per_second: int = 240  # Kestrel: MinResponseDataRate
    """Average below which an answer is given up, once the grace is over. 0: no minimum."""
    rate_grace_seconds: float = 20.0  # Apache: mod_reqtimeout body=20,MinRate=500
    """Waiting that is free of the two minimum rates."""
    linger_seconds: float = 2.0  # Apache: MAX_SECS_TO_LINGER 30, SECONDS_TO_LINGER 2
    """For the peer to read the last answer and close, before a close that it could see as a reset."""
    drain_seconds: float = 30.0  # Kubernetes: terminationGracePeriodSeconds 30
    """For requests in flight when the server is told to stop; after it they are cancelled."""
    drain_idle_seconds: float = 0.5  # measured: a request already under way arrives within it
    """For idle connections to send one last request when the server is told to stop."""
    blocked_seconds: float = 0.75  # people notice a second
    """A handler that holds up the event loop for so long is named in the log, with its stack. 0: nobody watches."""

    def __post_init__(self) -> None:
        """Raise ConfigError where a timeout is not positive."""
        rates = {"body_min_bytes_per_second", "write_min_bytes_per_second"}
        _demand_positive(
            self, "timeouts", may_be_zero=rates | {"drain_seconds", "drain_idle_seconds", "blocked_seconds"}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a server needs to know besides its app.

    ```python
    config = Config(port=8080, limits=Limits(body_bytes=1024 * 1024), timeouts=Timeouts(keep_alive_seconds=30))
    run(app, config)
    ```
    """

    host: str = "127.0.0.1"
    """Address or name to listen on, IPv4 or IPv6; 0.0.0.0 or :: for all."""
    port: int = 8080
    """TCP port to listen on; 0 takes a free one."""
    bind: tuple[str, ...] = ()
    """HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N, instead of --host and --port; may be repeated."""
    backlog: int = 2048  # nginx 511, Go: the kernel's somaxconn; uvicorn 2048
    """Connections the kernel keeps while the server is busy."""
    loop: Literal["auto", "uvloop", "asyncio"] = "auto"
    """Event loop; auto takes uvloop where it is installed."""
    access_log: bool = True
    """One line for each answer, on standard output."""
    access_log_file: str = ""  # nginx: access_log FILE
    """File to append them to instead; SIGUSR1 opens it again, for logrotate."""
    log_format: str = "combined"
    """combined, json, or a template such as '{client} {method} {target} {status} {seconds:.6f}'."""
    debug: bool = False
    """Show tracebacks to the client and log more. Never in production."""
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        """Raise ConfigError for a port or backlog no kernel would take."""
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be from 0 to 65535, not {self.port}")
        if self.backlog < 1:
            raise ConfigError(f"backlog must be at least 1, not {self.backlog}")
        if self.loop not in ("auto", "uvloop", "asyncio"):
            raise ConfigError(f"loop must be auto, uvloop or asyncio, not {self.loop!r}")


def _demand_positive(options: Limits | Timeouts, group: str, may_be_zero: set[str]) -> None:
    for option in fields(options):
        value = getattr(options, option.name)
        # `not >` rather than `<=`: a NaN from a configuration file compares false with everything.
        if not (value > 0 or (value == 0 and option.name in may_be_zero)):
            raise ConfigError(f"{group}.{option.name} must be positive, not {value}")
