"""A cookie or a token counts as long as the password that it was got with."""

from __future__ import annotations

from bi.superset.signed_in import counts_still, mark_of_password


def test_a_new_password_ends_what_was_signed_in_before() -> None:
    mark = mark_of_password("key", "abc-def")
    assert counts_still(mark, "key", "abc-def")
    for carried in (None, "", 7, mark_of_password("key", "another"), mark_of_password("another", "abc-def"), "é"):
        assert not counts_still(carried, "key", "abc-def"), carried


def test_a_cookie_shows_nothing_of_the_password() -> None:
    assert "abc" not in mark_of_password("key", "abc-def")
    assert len(mark_of_password("key", "abc-def")) == 32
