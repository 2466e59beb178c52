"""`python -m runtime <command>`: what every `make` command calls. See docs/how_to/run_it.md."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence

import psycopg

from extractors.core.errors import ChairsideError
from extractors.core.logs import as_json
from runtime.arguments import YES_OR_NO, MakeParser, day, place, whole_number
from runtime.home import Home, open_home
from runtime.programs import PostgresMissing
from runtime.progress import Progress
from runtime.supervise import ProcessFailed, leave_on_signals, leave_with_parent


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments. `main` imports what a command needs only when it is asked for."""
    root = MakeParser(prog="make", description="Chairside on one machine.")
    root.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    commands = root.add_subparsers(dest="command", required=True)
    commands.add_parser("demo")
    commands.add_parser("up")
    commands.add_parser("serve", help=argparse.SUPPRESS)
    commands.add_parser("hold", help=argparse.SUPPRESS)
    commands.add_parser("worker")
    commands.add_parser("task", help=argparse.SUPPRESS).add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("simulators", help=argparse.SUPPRESS)
    commands.add_parser("superset", help=argparse.SUPPRESS)
    commands.add_parser("down")
    commands.add_parser("status")
    load = commands.add_parser("load")
    load.add_argument("--inbox", type=place, required=True, metavar="INBOX")
    load.add_argument("--mapping", type=place, metavar="MAPPING")
    for name in ("psql", "url"):
        commands.add_parser(name).add_argument("--role", metavar="ROLE")
    commands.add_parser("sign-in").add_argument("--role", required=True, metavar="ROLE")
    commands.add_parser("rotate-logins")
    backfill = commands.add_parser("backfill")
    backfill.add_argument("--source", required=True, metavar="SOURCE")
    backfill.add_argument("--from", dest="date_from", type=day, required=True, metavar="FROM")
    backfill.add_argument("--to", dest="date_to", type=day, required=True, metavar="TO")
    backfill.add_argument("--days", type=whole_number, metavar="DAYS", help="days of a window")
    forget = commands.add_parser("forget")
    forget.add_argument("--person", required=True, metavar="PERSON")
    forget.add_argument("--operator", metavar="OPERATOR")
    forget.add_argument("--reason", metavar="REASON")
    commands.add_parser("backup").add_argument("--out", type=place, required=True, metavar="OUT")
    restore = commands.add_parser("restore")
    restore.add_argument("--from", dest="place", type=place, required=True, metavar="FROM")
    restore.add_argument("--replace", **YES_OR_NO, metavar="REPLACE")
    commands.add_parser("data-docs").add_argument("--out", type=place, metavar="OUT")
    quarantine = commands.add_parser("quarantine")
    quarantine.add_argument("--source", metavar="SOURCE")
    quarantine.add_argument("--id", type=whole_number, metavar="ID")
    quarantine.add_argument("--show", **YES_OR_NO, metavar="SHOW")
    fix = commands.add_parser("fix")
    fix.add_argument("--id", type=whole_number, required=True, metavar="ID")
    fix.add_argument("--set", dest="changes", required=True, metavar="SET")
    dismiss = commands.add_parser("dismiss")
    dismiss.add_argument("--id", type=whole_number, required=True, metavar="ID")
    dismiss.add_argument("--why", required=True, metavar="WHY")
    replay = commands.add_parser("replay")
    replay.add_argument("--source", metavar="SOURCE")
    replay.add_argument("--id", type=whole_number, metavar="ID")
    replay.add_argument("--mapping", type=place, metavar="MAPPING")
    unload = commands.add_parser("unload")
    unload.add_argument("--file", metavar="FILE")
    unload.add_argument("--why", metavar="WHY")
    commands.add_parser("refused").add_argument("--id", type=whole_number, metavar="ID")
    for name in ("release", "discard"):
        decision = commands.add_parser(name)
        decision.add_argument("--id", type=whole_number, metavar="ID")
        decision.add_argument("--why", required=True, metavar="WHY")
        decision.add_argument("--who", metavar="WHO")
    metabase = commands.add_parser("metabase")
    metabase.add_argument("--url", required=True, metavar="URL")
    metabase.add_argument("--groups", metavar="GROUPS")
    metabase.add_argument("--language", choices=("en", "ru"), default="en", metavar="LANGUAGE")
    commands.add_parser("docs").add_argument("--out", type=place, metavar="OUT")
    commands.add_parser("mf").add_argument("--arguments", default="list metrics", metavar="ARGS")
    export = commands.add_parser("export")
    export.add_argument("--report", required=True, metavar="REPORT")
    export.add_argument("--from", dest="date_from", type=day, metavar="FROM")
    export.add_argument("--to", dest="date_to", type=day, metavar="TO")
    export.add_argument("--format", choices=("csv", "xlsx"), default="csv", metavar="FORMAT")
    export.add_argument("--with", dest="parameters", default="", metavar="WITH")
    export.add_argument("--role", metavar="ROLE")
    export.add_argument("--out", type=place, metavar="OUT")
    return root


def run(options: argparse.Namespace, progress: Progress) -> int:
    """Run one command; its exit status. Raises what the command raises."""
    home = open_home(os.environ)
    # The steps of a load, and everything that is started, find the home by this.
    os.environ["CHAIRSIDE_HOME"] = str(home.root)
    match options.command:
        case "load":
            from runtime.load import load

            return load(home, progress, options.inbox, options.mapping)
        case "unload":
            from runtime.unload import take_back

            return take_back(home, options.file, options.why, progress=progress)
        case "psql":
            from runtime.shell import psql

            return psql(home, progress, options.role)
        case "url":
            from runtime.shell import url

            return url(home, progress, options.role)
        case "sign-in":
            from runtime.shell import sign_in

            return sign_in(home, progress, options.role)
        case "rotate-logins":
            from runtime.shell import rotate_logins

            return rotate_logins(home, progress)
        case "export":
            from runtime.export import export

            return export(
                home,
                progress,
                report=options.report,
                date_from=options.date_from,
                date_to=options.date_to,
                file_format=options.format,
                role=options.role,
                out=options.out,
                parameters=options.parameters,
            )
        case "metabase":
            from runtime.metabase import metabase

            return metabase(home, progress, options.url, options.groups, options.language)
        case "docs":
            from runtime.docs import docs

            return docs(home, progress, options.out)
        case "mf":
            from runtime.metrics import metrics

            return metrics(home, progress, options.arguments)
        case "refused":
            from runtime.refused import show

            return show(home, progress, options.id)
        case "release" | "discard":
            from runtime.refused import settle

            release = options.command == "release"
            return settle(home, progress, options.id, why=options.why, who=options.who, release=release)
        case "status":
            from runtime.shell import status

            return status(home, progress)
        case "forget":
            from runtime.forget import forget

            return forget(home, progress, options.person, options.operator, options.reason)
        case "data-docs":
            from runtime.data_docs import data_docs

            return data_docs(home, progress, options.out)
        case "quarantine" | "fix" | "dismiss" | "replay":
            return set_aside(home, options, progress)
        case "backup":
            from runtime.backup import backup

            return backup(home, progress, options.out)
        case "restore":
            from runtime.backup import restore

            return restore(home, progress, options.place, replace=options.replace == "yes")
        case "worker":
            from runtime.worker import worker

            return worker(home, progress)
        case "task":
            from runtime.worker import task

            task(home, options.arguments)
        case "superset":
            from runtime.superset_alone import serve_superset

            return serve_superset(home, progress)
        case "simulators":
            from runtime.connections import serve_simulators

            return serve_simulators(home, progress)
        case "backfill":
            from runtime.backfill import backfill

            days = {} if options.days is None else {"days": options.days}
            return backfill(home, progress, options.source, options.date_from, options.date_to, **days)
        case _:
            from runtime import serve

            services: dict[str, Callable[..., int]] = {
                "up": serve.up,
                "serve": serve.serve,
                "hold": serve.hold,
                "down": serve.down,
            }
            if options.command in services:
                return services[options.command](home, progress)
            from runtime.demo import demo

            return demo(home, progress)


def set_aside(home: Home, options: argparse.Namespace, progress: Progress) -> int:
    """The commands about rows that were set aside."""
    from runtime import quarantine

    match options.command:
        case "quarantine":
            return quarantine.listed(home, options.source, options.id, shown=options.show == "yes", progress=progress)
        case "fix":
            return quarantine.fix(home, options.id, options.changes, progress=progress)
        case "dismiss":
            return quarantine.dismiss(home, options.id, options.why, progress=progress)
        case _:
            return quarantine.replay(home, options.source, options.id, options.mapping, progress=progress)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    leave_on_signals()
    if options.with_parent:
        leave_with_parent()
    progress = Progress(as_json=as_json(os.environ))
    try:
        return run(options, progress)
    except (ChairsideError, PostgresMissing, ProcessFailed) as error:
        progress.say(f"{options.command}: {error}")
        return 1
    except psycopg.OperationalError as error:
        # The server ended, or its disk is full. What it says then holds no row.
        told = error.diag.message_primary or "the connection to the warehouse broke"
        progress.say(f"{options.command}: {told}. See that PostgreSQL runs and has room, then give the command again")
        return 1
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise  # a fault of ours; the server never heard of it
        from warehouse.pipeline import failure_of

        # No traceback: on a screen or in a service's log it would quote the row.
        progress.say(str(failure_of(options.command, error)))
        return 1
    except BrokenPipeError:
        # The reader of our output left early (`make url | head`), which is no failure of ours.
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        progress.say(f"{options.command}: {where}{error.strerror}. Name a place that can be written and has room")
        return 1


if __name__ == "__main__":
    sys.exit(main())
