"""Sessions: what a site remembers of a visitor, and where that is kept."""
