"""The queries in a file of report functions and views, for the lints of Citus: views, bodies of SQL functions, and the
queries in those of PL/pgSQL, which it sends to the server as they stand, with its variables for parameters.

What a body puts together as text and executes, nobody can read before it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CREATE = r"(?is)\bcreate\s+(?:or\s+replace\s+)?"
MADE = re.compile(_CREATE + r"(?:materialized\s+)?(?:function|procedure|view)\s+([\w.]+)")
# A body in dollars, and one that is a statement of its own.
QUOTED = re.compile(_CREATE + r"(?:function|procedure)\s+([\w.]+)([^;$]*?)\bas\s+(\$\w*\$)(.*?)\3([^;]*);")
ATOMIC = re.compile(_CREATE + r"(?:function|procedure)\s+([\w.]+)[^;$]*?\bbegin\s+atomic\b(.*?;)\s*end\s*;")
RETURNED = re.compile(_CREATE + r"function\s+([\w.]+)[^;$]*?\breturn\b([^;]*);")
VIEW = re.compile(_CREATE + r"(?:materialized\s+)?view\s+([\w.]+)[^;]*?\bas\b(.*?);")
LANGUAGE = re.compile(r"(?i)\blanguage\s+(\w+)")
# What ends a statement, opens and closes brackets, and where neither counts.
SIGNS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|[();]", re.DOTALL)
QUERY = re.compile(
    r"(?is)\breturn\s+query\s+(?!execute\b)(?P<returned>.*)"
    r"|\bfor\s+[\w, ]+?\s+in\s+(?P<looped>(?:with|select)\b.*?)\bloop\b"
    r"|:=\s*(?P<assigned>\(\s*(?:with|select)\b.*)"
    r"|(?:^|\b(?:begin|then|else|loop)\b)\s*(?P<stated>(?:with|select|insert|update|delete|merge)\b.*)"
)


def bodies(text: str) -> list[tuple[str, str]]:
    """Every query of the file, each with the name of the function or view that it is in."""
    return [(name, query) for name, queries in _found(text) for query in queries]


def unread(text: str) -> list[str]:
    """Functions and views that the file makes and whose bodies nobody found."""
    return sorted(set(MADE.findall(_plain(text))) - {name for name, _ in _found(text)})


def statements(body: str) -> list[str]:
    """What semicolons outside of brackets, texts and comments part."""
    depth, start, found = 0, 0, []
    for sign in SIGNS.finditer(body):
        if sign[0] == ";" and depth == 0:
            found.append(body[start : sign.start()].strip())
            start = sign.end()
        depth += {"(": 1, ")": -1}.get(sign[0], 0)
    return [statement for statement in (*found, body[start:].strip()) if statement]


def _found(text: str) -> Iterator[tuple[str, list[str]]]:
    plain = _plain(text)
    for name, head, _, body, tail in QUOTED.findall(plain):
        language = LANGUAGE.search(f"{head} {tail}")
        is_sql = language is not None and language[1].lower() == "sql"
        yield name, statements(body) if is_sql else _inside(body)
    rest = QUOTED.sub("", plain)
    for name, body in ATOMIC.findall(rest):
        yield name, statements(body)
    rest = ATOMIC.sub("", rest)
    for name, expression in RETURNED.findall(rest):
        yield name, [f"select {expression.strip()}"]
    for name, body in VIEW.findall(rest):
        yield name, [body.strip()]


def _inside(body: str) -> list[str]:
    """The queries of a body in PL/pgSQL."""
    found = [query.groupdict().values() for one in statements(body) if (query := QUERY.search(one)) is not None]
    return [next(part for part in parts if part is not None).strip() for parts in found]


def _plain(text: str) -> str:
    return re.sub(r"--[^\n]*", "", text)
