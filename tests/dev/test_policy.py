"""Tests of aiosock.dev.livereload.policy."""

import pytest

from aiosock.dev.livereload.policy import admit_script
from aiosock.headers import Headers

CSP = "content-security-policy"


def admitted(*policies: str) -> str:
    headers = Headers([(CSP, policy) for policy in policies])
    admit_script(headers)
    return headers.get(CSP, "")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # Already enough.
        ("default-src 'self'", "default-src 'self'"),
        ("default-src *", "default-src *"),
        ("script-src 'SELF'; connect-src *", "script-src 'SELF'; connect-src *"),
        ("img-src 'none'", "img-src 'none'"),
        # 'none' counts only where it is alone, and default-src admits no more than before.
        ("default-src 'none'", "default-src 'none'; script-src 'self'; connect-src 'self'"),
        ("script-src 'none'; connect-src 'none'", "script-src 'self'; connect-src 'self'"),
        (
            "default-src https://cdn.example",
            "default-src https://cdn.example; script-src https://cdn.example 'self'; connect-src https://cdn.example 'self'",
        ),
        # A nonce beside 'unsafe-inline' would forbid the scripts of the page, so there is none.
        ("script-src 'unsafe-inline'", "script-src 'unsafe-inline' 'self'"),
        ("script-src 'nonce-abc'", "script-src 'nonce-abc' 'self'"),
        # The most specific directive is the one that counts.
        (
            "default-src 'self'; script-src 'none'; script-src-elem 'sha256-abc='",
            "default-src 'self'; script-src 'none'; script-src-elem 'sha256-abc=' 'self'",
        ),
        ("SCRIPT-SRC 'none'; script-src 'self'", "script-src 'self'"),
        ("script-src 'none', script-src 'sha256-abc='", "script-src 'self', script-src 'sha256-abc=' 'self'"),
    ],
)
def test_a_policy_admits_the_script_and_its_requests_and_no_more(policy: str, expected: str) -> None:
    assert admitted(policy) == expected


def test_every_policy_of_a_response_is_changed() -> None:
    headers = Headers(
        [
            (CSP, "script-src 'none'"),
            ("x", "y"),
            (CSP, "connect-src 'none'"),
            (f"{CSP}-report-only", "script-src a.example"),
        ]
    )
    assert admit_script(headers) == ""
    assert headers.get_all(CSP) == ["script-src 'self'", "connect-src 'self'"]
    assert headers[f"{CSP}-report-only"] == "script-src a.example 'self'"


def test_strict_dynamic_needs_a_nonce_and_that_of_the_page_will_do() -> None:
    headers = Headers({CSP: "script-src 'nonce-abc' 'strict-dynamic'"})
    assert admit_script(headers) == "abc"
    assert headers[CSP] == "script-src 'nonce-abc' 'strict-dynamic'"


def test_strict_dynamic_with_hashes_gets_a_nonce_of_ours() -> None:
    headers = Headers({CSP: "script-src 'sha256-abc=' 'strict-dynamic'"})
    nonce = admit_script(headers)
    assert headers[CSP] == f"script-src 'sha256-abc=' 'strict-dynamic' 'nonce-{nonce}'"
    again = Headers({CSP: "script-src 'sha256-abc=' 'strict-dynamic'"})
    assert admit_script(again) != nonce


def test_one_nonce_fits_all_policies() -> None:
    headers = Headers({CSP: "script-src 'nonce-abc' 'strict-dynamic', script-src 'strict-dynamic' 'sha256-a='"})
    assert admit_script(headers) == "abc"
    assert headers[CSP].endswith("'strict-dynamic' 'sha256-a=' 'nonce-abc'")


def test_without_a_policy_there_is_none_afterwards() -> None:
    assert admitted() == ""
