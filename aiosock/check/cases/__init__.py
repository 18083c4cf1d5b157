"""One module for each category of cases. They only need a server that answers requests for `/`."""
