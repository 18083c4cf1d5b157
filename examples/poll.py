"""A poll with one vote for each visitor. Its tests are in test_poll.py, in this directory."""

from collections import Counter
from collections.abc import AsyncIterator

from aiosock import App, HTTPError, Request, Response, run


class UnknownDrink(Exception):
    pass


app = App()


@app.lifespan
async def lifespan(app: App) -> AsyncIterator[None]:
    app.state.votes = Counter(tea=0, coffee=0)  # where another app would connect to its database
    yield
    app.state.votes.clear()


@app.exception(UnknownDrink)
async def unknown_drink(request: Request, error: UnknownDrink) -> Response:
    return Response.json({"error": f"there is no {error}"}, 422)


@app.post("/votes", body_limit=1000)
async def vote(request: Request) -> Response:
    if "voted" in request.cookies:
        raise HTTPError(409, "One vote for each visitor.")
    drink = (await request.json())["drink"]
    if drink not in app.state.votes:
        raise UnknownDrink(drink)
    app.state.votes[drink] += 1
    response = Response.json(app.state.votes, 201)
    response.set_cookie("voted", "yes", max_age=3600)
    return response


@app.get("/votes.csv")
async def table(request: Request) -> AsyncIterator[str]:
    for drink, votes in app.state.votes.most_common():
        yield f"{drink},{votes}\n"


if __name__ == "__main__":
    run(app, port=8080)
