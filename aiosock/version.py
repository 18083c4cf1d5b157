"""The version, for the package itself and for the build: no metadata is needed to know it."""

__version__ = "0.1.0"
