"""Django behind the door: `python -m standfirst.project.behind SOCKET WORKERS`."""

import os
import sys
from pathlib import Path

from standfirst.project.cli import start_django


def main() -> None:
    _let_doors_go_first()
    start_django()
    from standfirst.project.serve import serve_plainly

    serve_plainly(
        "", 0, int(sys.argv[2]), uds=Path(sys.argv[1]), log_requests="--log-requests" in sys.argv
    )


def _let_doors_go_first() -> None:
    """An editor's long list may wait a moment where a reader's page would wait for it."""
    os.nice(10)
    if hasattr(os, "SCHED_BATCH"):  # Linux: does not interrupt who is running (sched(7))
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    main()
