"""A poll with one vote for each visitor. Its tests are in test_poll.py, in this directory."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal, NewType

from aiosock import App, Cookie, HTTPError, Request, Response, run

app = App()
Votes = NewType("Votes", Counter[str])


@dataclass
class Vote:
    drink: Literal["tea", "coffee"]


@app.provide(scope="app")
async def votes(app: App) -> Votes:
    return Votes(Counter(tea=0, coffee=0))  # where another app would connect to its database


@app.post("/votes", body_limit=1000)
async def cast(request: Request, vote: Vote, votes: Votes, voted: Annotated[str, Cookie] = "") -> Response:
    if voted:
        raise HTTPError(409, "One vote for each visitor.")
    votes[vote.drink] += 1
    response = Response.json(votes, 201)
    response.set_cookie("voted", "yes", max_age=3600)
    return response


@app.get("/votes.csv")
async def table(request: Request, votes: Votes) -> AsyncIterator[str]:
    for drink, count in votes.most_common():
        yield f"{drink},{count}\n"


if __name__ == "__main__":
    run(app, port=8080)
