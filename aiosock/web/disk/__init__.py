"""Files on disk: read as the body of an answer, and written from what a client sends."""
