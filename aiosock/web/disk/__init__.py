"""Files on disk: read as the body of a response, and written from the body of a request."""
