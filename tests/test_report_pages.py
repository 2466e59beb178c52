"""Every report has a page: whom it is for, a query, a picture, its columns."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reports"
INDEX = PAGES / "README.md"
# `marts` is no report but the right that opens facts and dimensions
REPORTS = {
    found.group(1)
    for path in (ROOT / "warehouse" / "reports").glob("*.sql")
    if (found := re.match(r"-- report: (?!marts)(\w+)", path.read_text(encoding="utf-8")))
}


def test_every_report_has_a_page() -> None:
    assert len(REPORTS) >= 15
    assert not REPORTS - {path.stem for path in PAGES.glob("*.md")}


def test_the_index_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((\w+\.md)\)", INDEX.read_text(encoding="utf-8")))
    assert linked >= {path.name for path in PAGES.glob("*.md")} - {INDEX.name}


def test_a_page_says_whom_it_is_for_and_has_a_query_a_picture_and_the_columns() -> None:
    for path in sorted(set(PAGES.glob("*.md")) - {INDEX}):
        text = path.read_text(encoding="utf-8")
        assert re.match(r"# .+\n\nFor ", text), f"{path.stem}: whom is it for?"
        assert "```sql\n" in text, path.stem
        assert re.search(r"^\| column \||^\| `finding` \|", text, re.MULTILINE), path.stem
        assert re.search(r"^```\n [^`]+\n```$|^```mermaid$|!\[", text, re.MULTILINE), f"{path.stem}: no picture"
