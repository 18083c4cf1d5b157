"""What all responses to errors share, and the page that everybody may see. `aiosock.web.debug` has the one for developers."""
