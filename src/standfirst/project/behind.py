"""Django behind the door: `python -m standfirst.project.behind SOCKET WORKERS`."""

import sys
from pathlib import Path

from standfirst.project.cli import start_django


def main() -> None:
    start_django()
    from standfirst.project.serve import serve_plainly

    serve_plainly(
        "", 0, int(sys.argv[2]), uds=Path(sys.argv[1]), log_requests="--log-requests" in sys.argv
    )


if __name__ == "__main__":
    main()
