"""The error pages of `--debug`: what failed, where, with which values, and for which request. Imported only then."""
