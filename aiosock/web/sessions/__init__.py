"""Sessions: the data that a site keeps for each visitor, and where it is kept."""
