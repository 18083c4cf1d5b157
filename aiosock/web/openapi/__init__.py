"""OpenAPI 3.1: a description of the routes of an app, made from its handlers, and a page that shows it."""

from aiosock.web.openapi.document import openapi as openapi
from aiosock.web.openapi.publish import publish as publish
