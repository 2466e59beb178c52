"""`make docs`: the documentation as one folder of plain files, with dbt's site of every model of this warehouse."""

from __future__ import annotations

import html
import os
import re
import shutil
from pathlib import Path

from runtime.home import REPOSITORY, Home
from runtime.progress import Progress
from runtime.supervise import ProcessFailed
from runtime.warehouse import filled
from warehouse.dbt import common_arguments, dbt_environment
from warehouse.pictures import pages

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Chairside</title>
<style>body{{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}}</style></head><body>
<h1>Chairside</h1>
<p><a href="dbt.html">Every model, column and test, and their graph (Модели, колонки и их граф)</a></p>
{sections}
</body></html>
"""


def docs(home: Home, progress: Progress, out: Path | None) -> int:
    """Write the site into `out`, else `docs/` of the home. Raises ProcessFailed where dbt cannot read its project."""
    folder = out or home.root / "docs"
    with filled(home, os.environ, progress) as warehouse:
        folder.mkdir(parents=True, exist_ok=True)  # dbt takes a minute: what cannot be written is said before
        work = home.root / "dbt_docs"
        dbt_site(warehouse, work)
        drawn = pages(warehouse, work / "manifest.json")
    shutil.copytree(REPOSITORY / "docs", folder, dirs_exist_ok=True)
    shutil.copyfile(work / "static_index.html", folder / "dbt.html")
    for name, text in drawn.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "index.html").write_text(index(folder), encoding="utf-8")
    progress.say(f"open {folder / 'index.html'}")
    return 0


def dbt_site(url: str, work: Path) -> None:
    """dbt's own site in one file, `static_index.html` in that folder. Apart from where loads build, which it would
    make parse everything anew.
    """
    with dbt_environment(url):
        # Heavy: seconds of imports that no other command needs.
        from dbt.cli.main import dbtRunner

        done = dbtRunner().invoke(
            ["docs", "generate", "--static", "--target", "warehouse", *common_arguments(work)]
        )
    if not done.success:
        raise ProcessFailed(f"dbt could not write its site: {done.exception or 'see its log'}; log in {work}")


def index(folder: Path) -> str:
    """A first page: the pages of each folder under their titles."""
    sections = []
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        links = [
            f'<li><a href="{path.relative_to(folder).as_posix()}">{html.escape(title(path))}</a></li>'
            for path in sorted(place.glob("*.md"))
        ]
        if links:
            name = "" if place == folder else f"<h2>{html.escape(place.name.replace('_', ' '))}</h2>"
            sections.append(f"{name}<ul>{''.join(links)}</ul>")
    return PAGE.format(sections="\n".join(sections))


def title(page: Path) -> str:
    """The page's first heading, else its name."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).replace("`", "") if found else page.stem
