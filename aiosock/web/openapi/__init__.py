"""OpenAPI (3.1): a description of an app's routes, made from its handlers, and a page that shows it."""

from aiosock.web.openapi.document import openapi as openapi
from aiosock.web.openapi.publish import publish as publish
