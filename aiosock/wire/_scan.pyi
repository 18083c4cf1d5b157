# aiosock/wire/scan.py says what each value is.
Plain = tuple[int, int, int, str, str, str, str, int, str | None, str | None, str | None, str | None]

def scan(buffer: bytes, /) -> Plain | None: ...
