"""Tests of aiosock.web.debug.colour: the parts of a line of source, and nothing of it is lost."""

import pytest

from aiosock.web.debug.colour import MAX_TOKENS, coloured, tokens_in


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("", ""),
        ("return x", "<b>return</b> x"),
        ("returned = notin", "returned = notin"),
        ("x = 'a' + \"b\"  # c", "x = <em>'a'</em> + <em>\"b\"</em>  <small># c</small>"),
        ("x = f'a{1}' rb'c'", "x = <em>f'a{1}'</em> <em>rb'c'</em>"),
        ("'it\\'s' if x", "<em>'it\\'s'</em> <b>if</b> x"),
        ("x = 'not closed", "x = <em>'not closed</em>"),
        ("'# no comment'", "<em>'# no comment'</em>"),
        ("async def f(): await None", "<b>async</b> <b>def</b> f(): <b>await</b> <b>None</b>"),
    ],
)
def test_keywords_strings_and_comments_are_found(code: str, shown: str) -> None:
    assert "".join(f"<{each}>{piece}</{each}>" if each else piece for each, piece in coloured(code)) == shown


@pytest.mark.parametrize("code", ["''" * 1000, "if " * 1000, "\\'\"#" * 1000, "\ud800\0'\u202e"])
def test_nothing_is_lost_and_there_is_a_limit(code: str) -> None:
    assert "".join(piece for _, piece in coloured(code)) == code
    assert tokens_in(code) <= MAX_TOKENS
