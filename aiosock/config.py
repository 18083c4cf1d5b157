"""Every option, defined once: a field with its unit in its name, its default, and the precedent for that default.

The string below a field is its help. The command line, the environment and the TOML file all read these fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Final, Literal

from aiosock.errors import ConfigError

KIB = 1024
MIB = 1024 * KIB

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Where to listen": ("host", "port", "bind", "backlog", "loop"),
    "Logging": ("access_log", "access_log_file", "log_format", "log_level"),
}
"""The groups of Config's options in the help. Those of Limits and Timeouts have groups of their own; others are for
development."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that a client may make the server hold or do.

    ```python
    run(app, port=8080, limits=Limits(body_bytes=1024 * 1024, connections=1000))
    ```
    """

    head_bytes: int = 32 * KIB  # nginx: 4 buffers of 8 KiB
    """Largest request head. Above it: status 431. Also the limit of the chunk extensions and trailers of a body."""
    request_line_bytes: int = 8 * KIB  # RFC 9112 section 3: at least 8000; Apache: 8190
    """Largest request line. Above it: status 414. Empty lines before it count too."""
    fields: int = 100  # Apache: LimitRequestFields 100
    """Most field lines in a head. Above it: status 431. Also the most in a trailer section."""
    body_bytes: int = 16 * MIB  # between nginx (1 MiB) and Go's forms (32 MiB)
    """Largest body in memory. Above it: status 413. A route may set a limit of its own. Streams: no limit."""
    json_bytes: int = 1 * MIB  # aiohttp: client_max_size 1 MiB
    """Largest JSON body. Above it: status 413. A route may set a limit of its own. Never above body_bytes."""
    bodies_bytes: int = (
        128 * MIB
    )  # eight of the largest bodies; Node and Go have no such limit, and are told to add one
    """Most bytes of all bodies in memory. Beyond it: 503. Bodies read whole and forms count, of all connections
    together."""
    form_bytes: int = 128 * MIB  # ASP.NET Core: MultipartBodyLengthLimit 128 MiB
    """Largest multipart form. Above it: status 413. Files count too. A route may set a limit of its own."""
    form_memory_bytes: int = 1 * MIB  # Starlette: spool_max_size 1 MiB, but for each file
    """Memory for the files of a form. Files that do not fit go to a temporary file. 0: all files do."""
    form_field_bytes: int = 1 * MIB  # Starlette: max_part_size 1 MiB
    """Largest field of a form. Above it: status 413. Not for files. body_bytes is the limit of all fields together."""
    form_parts: int = 1000  # PHP: max_input_vars 1000; Starlette: max_fields 1000
    """Most fields and files in a form. Above it: status 413."""
    form_headers: int = 8  # multipart: max_header_count 8; RFC 7578 defines three
    """Most header lines in a part of a form. Above it: status 413."""
    form_header_bytes: int = 4 * KIB  # multipart: max_header_size 4 KiB
    """Largest header line in a part. Above it: status 413. A part is a field or a file of a form."""
    unread_body_bytes: int = 256 * KIB  # Go: maxPostHandlerReadBytes
    """Most of a body to read and drop. If a handler leaves more of it unread, the connection closes."""
    read_buffer_bytes: int = 64 * KIB  # asyncio.StreamReader
    """Bytes to receive in advance. For each connection, before the handler asks. Above twice this, reading stops."""
    write_buffer_bytes: int = 64 * KIB  # asyncio's high-water mark
    """Bytes that wait for a slow client. For each connection. Above it the handler waits too."""
    log_buffer_bytes: int = 1 * MIB  # Docker: max-buffer-size 1m, of log lines in mode=non-blocking
    """Log lines for a slow reader. They wait if nobody reads standard output, standard error or a FIFO. Above it:
    dropped."""
    connections: int = 0
    """Most open connections. More wait in the kernel. 0: the maximum, half of RLIMIT_NOFILE minus a reserve."""
    cached_file_bytes: int = 256 * KIB  # the kernel copies larger files to the socket
    """Largest static file kept in memory. 0: none."""
    file_cache_bytes: int = 64 * MIB  # Varnish and others take a fraction of the memory; a web site has some ten MiB
    """Static files kept in memory. The size of all of them, for each StaticFiles. 0: none."""
    connections_per_client: int = 0  # nginx: limit_conn, off too; many people share an address behind NAT
    """Most connections of one address. Further ones are closed at once. 0: no limit. Not for use behind a proxy."""
    concurrency: int = 0  # uvicorn: limit_concurrency, also off by default
    """Most requests at the same time. More get 503, except on health routes. 0: no limit. Counted for each App."""
    after_tasks: int = 1000  # Tokio: max_blocking_threads 512
    """Most requests with work left. That of request.after, in tasks of their own. Beyond it: status 503."""

    def __post_init__(self) -> None:
        """Raise ConfigError if a limit is not positive."""
        _raise_unless_positive(
            self,
            "limits",
            may_be_zero={
                "cached_file_bytes",
                "concurrency",
                "connections",
                "connections_per_client",
                "file_cache_bytes",
                "form_memory_bytes",
                "unread_body_bytes",
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The longest time that the server waits, for a client or for the app.

    ```python
    run(app, port=8080, timeouts=Timeouts(head_seconds=5, keep_alive_seconds=30))
    ```
    """

    head_seconds: float = 10.0  # Caddy and Go advise 5 to 10; nginx waits 60
    """Time for a request head. From its first byte or from the start of the connection. Then: status 408."""
    keep_alive_seconds: float = 75.0  # nginx: keepalive_timeout 75s
    """Time between two requests. From a response to the first byte of the next request. Then the connection closes."""
    body_idle_seconds: float = 20.0  # Apache: mod_reqtimeout body=20
    """Time between pieces of a body. Then: status 408."""
    body_min_bytes_per_second: int = 240  # Kestrel: MinRequestBodyDataRate
    """Lowest average rate of a body. After rate_grace_seconds of waiting. Below it: status 408. 0: no minimum."""
    write_idle_seconds: float = 30.0  # nginx: send_timeout 60s
    """Time in which nothing is read. The client takes no byte of the response. Then the connection is reset."""
    write_min_bytes_per_second: int = 240  # Kestrel: MinResponseDataRate
    """Lowest rate of a response. On average, after rate_grace_seconds of waiting. Below it: a reset. 0: no minimum."""
    rate_grace_seconds: float = 20.0  # Apache: mod_reqtimeout body=20,MinRate=500
    """Waiting before the rates apply. Time spent waiting for the client counts."""
    linger_seconds: float = 2.0  # Apache: MAX_SECS_TO_LINGER 30, SECONDS_TO_LINGER 2
    """Time to read the last response. The client should then close. If not, the server closes, perhaps with a reset."""
    drain_seconds: float = 30.0  # Kubernetes: terminationGracePeriodSeconds 30
    """Time to finish after SIGTERM. Then running requests are cancelled; their threads end too."""
    drain_idle_seconds: float = 0.5  # measured: a request that is already on its way arrives in this time
    """Time for one last request. Idle connections have it after the server is told to stop."""
    drain_head_seconds: float = 2.0  # a client that is still there sends the rest of a head at once
    """Time for the rest of a head. It has begun to arrive when the server is told to stop."""
    half_close_seconds: float = 2.0  # whoever half-closes (nc, some load balancers) waits for a quick response
    """Time after a half-close. The client has ended its input: a response that has not begun by then is cancelled,
    unless its route says otherwise."""
    start_seconds: float = 60.0  # Hypercorn: startup_timeout 60
    """Time for the lifespan to start. Then it is cancelled, and the process ends. 0: no deadline."""
    stop_seconds: float = 30.0  # .NET: HostOptions.ShutdownTimeout 30; Spring: timeout-per-shutdown-phase 30s
    """Time for the lifespan to stop. It begins after the drain. Then it is cancelled, and the process ends. 0: no
    deadline."""
    blocked_seconds: float = 0.75  # people notice a second
    """A longer block is logged. What blocks the event loop for this long is named, with its stack. 0: never."""
    after_seconds: float = 30.0  # Cloudflare Workers: waitUntil, 30 seconds after the response
    """Time for work after an answer. All that a request leaves to request.after has it. Then it is cancelled, but a
    thread goes on. 0: no deadline."""

    def __post_init__(self) -> None:
        """Raise ConfigError if a timeout is not positive."""
        rates = {"body_min_bytes_per_second", "write_min_bytes_per_second"}
        _raise_unless_positive(
            self,
            "timeouts",
            may_be_zero=rates
            | {
                "after_seconds",
                "drain_seconds",
                "drain_idle_seconds",
                "start_seconds",
                "stop_seconds",
                "blocked_seconds",
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of a server.

    ```python
    config = Config(port=8080, limits=Limits(body_bytes=1024 * 1024), timeouts=Timeouts(keep_alive_seconds=30))
    run(app, config)
    ```
    """

    host: str = "127.0.0.1"
    """Address or name; 0.0.0.0 is all IPv4, :: all of both."""
    port: int = 8080
    """TCP port. 0: any free port."""
    bind: tuple[str, ...] = ()
    """HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N; may be repeated. In place of --host and --port."""
    backlog: int = 2048  # nginx 511, Go: the kernel's somaxconn; uvicorn 2048
    """Connections that the kernel keeps while the server is busy."""
    loop: Literal["auto", "uvloop", "asyncio"] = "auto"
    """Event loop: auto, uvloop or asyncio. auto: uvloop if it is installed, asyncio otherwise."""
    access_log: bool = True
    """Write a line for each response. To standard output, unless access_log_file is set."""
    access_log_file: str = ""  # nginx: access_log FILE
    """File to append these lines to instead. SIGUSR1 or SIGHUP reopens it, for logrotate."""
    log_format: str = "auto"
    """Form: terminal, combined, json, auto or a template. auto: terminal where standard output is one, combined
    elsewhere. A template is such as '{method} {target} {status} {seconds:.6f}'."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Level of messages: debug, info, warning or error. Those below it are left out. With --debug, info means debug."""
    debug: bool = False
    """Explain errors to clients, show the inspector, log more. With source and values: do not use it in production."""
    inspect: str = ""  # Go: net/http/pprof, by custom on an address of its own
    """Loopback HOST:PORT or unix:PATH for the inspector. It shows what the server does."""
    reload: bool = False
    """Restart the program when its code changes. Reload pages in the browser too; implies debug, for development only."""
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __post_init__(self) -> None:
        """Raise ConfigError for an invalid port, backlog or loop."""
        if self.reload:
            object.__setattr__(self, "debug", True)
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port must be from 0 to 65535, not {self.port}")
        if self.backlog < 1:
            raise ConfigError(f"backlog must be at least 1, not {self.backlog}")
        if self.loop not in ("auto", "uvloop", "asyncio"):
            raise ConfigError(f"loop must be auto, uvloop or asyncio, not {self.loop!r}")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise ConfigError(f"log_level must be debug, info, warning or error, not {self.log_level!r}")
        if self.log_format == "terminal" and self.access_log_file:
            raise ConfigError("the log_format terminal is not for a file: choose combined, json or a template")


def with_options(config: Config | None, options: Mapping[str, Any]) -> Config:
    """Return a Config with these options over those of `config`.

    Raises ConfigError for one that is invalid, and TypeError, with what was probably meant, for one that does not exist.
    """
    names = _names(Config)
    for name in sorted(options.keys() - set(names)):
        meant = [f"{near}=" for near in get_close_matches(name, names, 1)]
        meant += [f"limits=Limits({name}=...)"] * (name in _names(Limits))
        meant += [f"timeouts=Timeouts({name}=...)"] * (name in _names(Timeouts))
        raise TypeError(f"there is no option {name}={': write ' if meant else ''}{meant[-1] if meant else ''}")
    return replace(config or Config(), **options)


def _names(kind: type[Config | Limits | Timeouts]) -> list[str]:
    return [option.name for option in fields(kind)]


def _raise_unless_positive(options: Limits | Timeouts, group: str, may_be_zero: set[str]) -> None:
    for option in fields(options):
        value = getattr(options, option.name)
        # Not `<=`: every comparison with a NaN, which a TOML file may hold, is false.
        if not (value > 0 or (value == 0 and option.name in may_be_zero)):
            raise ConfigError(f"{group}.{option.name} must be positive, not {value}")
