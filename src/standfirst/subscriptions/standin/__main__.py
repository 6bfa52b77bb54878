"""`python -m standfirst.subscriptions.standin --port 12111`: run the stand-in until Ctrl-C."""

import argparse
import sys
from pathlib import Path

from standfirst.subscriptions.standin import API_VERSION, NOTICE
from standfirst.subscriptions.standin.server import Server, endpoint_for


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m standfirst.subscriptions.standin", description=NOTICE
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument(
        "--file", type=Path, help="keep everything in this file; without it, it is forgotten"
    )
    parser.add_argument("--address", help="how browsers reach it, where that is not host and port")
    parser.add_argument("--webhook", help="an address that is told of everything")
    parser.add_argument("--secret", default="whsec_standin", help="what webhooks are signed with")
    parser.add_argument("--quiet", action="store_true", help="do not print requests")
    args = parser.parse_args(given)
    path = str(args.file) if args.file else ":memory:"
    try:
        server = Server(args.host, args.port, path, talks=not args.quiet)
    except OSError as error:
        print(f"Port {args.port} of {args.host} can't be had ({error}). Name another by --port.")
        return 1
    if args.webhook:
        endpoint_for(server.store, args.webhook, args.secret)
    server.store.base = (args.address or server.base).rstrip("/")
    print(f"{NOTICE} API {API_VERSION} at {server.base} (give this to the SDK as its address);"
          " any key that begins with sk_test_ will do.", flush=True)  # fmt: skip
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
