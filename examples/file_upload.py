"""A page with a form that uploads files: they are stored in ./uploads."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiofiles.os

from aiosock import App, HTTPError, Request, Response, Upload, run

UPLOADS = Path("uploads")

PAGE = """<!doctype html><title>Upload</title>
<form method="post" enctype="multipart/form-data">
  <input name="title" required> <input type="file" name="file" multiple required> <button>Send</button>
</form>"""

app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    await aiofiles.os.makedirs(UPLOADS, exist_ok=True)
    yield


@app.get("/")
async def page(request: Request) -> Response:
    return Response.html(PAGE)


@app.post("/", body_limit=50 * 1024 * 1024)
async def upload(request: Request) -> Response:
    form = await request.form()
    saved: list[str] = []
    for file in form.get_all("file"):
        if not isinstance(file, Upload) or not file.filename:
            raise HTTPError(400, "Choose a file.")
        try:
            saved.append((await file.save(UPLOADS)).name)
        except FileExistsError:
            raise HTTPError(409, f"{file.filename} is there already.") from None
    return Response.json({"title": form.get("title"), "saved": saved}, 201)


if __name__ == "__main__":
    run(app, port=8080)
