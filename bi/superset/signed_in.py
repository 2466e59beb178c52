"""A browser's cookie or a program's token counts as long as the password that it was got with."""

from __future__ import annotations

import hashlib
import hmac

NAME = "signed_in_with"  # in the cookie and in a token


def mark_of_password(key: str, sign_in_password: str) -> str:
    """What a cookie or token carries of the password. Its holder can read it, and without our key learns nothing."""
    return hmac.new(key.encode(), sign_in_password.encode(), hashlib.sha256).hexdigest()[:32]


def counts_still(carried: object, key: str, sign_in_password: str) -> bool:
    """Whether what was carried is of the password that the viewer has now."""
    wanted = mark_of_password(key, sign_in_password)
    return isinstance(carried, str) and hmac.compare_digest(carried.encode(), wanted.encode())
