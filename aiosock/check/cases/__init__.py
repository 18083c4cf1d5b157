"""One module for each category of cases, none of which needs more of a server than that it answers at `/`."""
