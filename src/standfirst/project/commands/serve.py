"""Serve the magazine to readers. Put nginx or Caddy in front for TLS; Ctrl-C stops.

It does not start while something is wrong that would harm readers; `standfirst check` says more."""

import argparse

HELP = "serve the magazine to readers"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes; as many as cores (default: %(default)s)"
    )
    parser.add_argument(
        "--doors", type=int, default=2, help="door processes in front (default: %(default)s)"
    )
    parser.add_argument(
        "--plain", action="store_true", help="Django alone, without doors: slower, the same pages"
    )
    parser.add_argument(
        "--no-press", action="store_true", help="leave kept pages as quickly compressed"
    )
    parser.add_argument("--log-requests", action="store_true", help="a line for every request")


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from django.db import connection

    from standfirst.project.checks import reasons_not_to_serve
    from standfirst.project.ports import listener
    from standfirst.project.serve import serve, serve_plainly

    wrong = reasons_not_to_serve()
    if wrong:
        raise Problem(" ".join(wrong))
    connection.close()
    listening = listener(options.host, options.port)
    if listening is None:
        raise Problem(
            f"port {options.port} of {options.host} is in use, or not ours to take. "
            "Choose another with --port."
        )
    workers, log_requests = max(1, options.workers), options.log_requests
    if options.plain:
        listening.close()
        serve_plainly(options.host, options.port, workers, log_requests=log_requests)
    else:
        serve(
            listening,
            workers,
            max(1, options.doors),
            press=not options.no_press,
            log_requests=log_requests,
        )
    return 0
