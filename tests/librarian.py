"""A process that keeps the library's index, or builds one: python -m tests.librarian WHAT."""

import sys

import django


def main() -> None:
    django.setup()

    from standfirst.library import build
    from standfirst.library.indexer import Indexer

    if sys.argv[1] == "index":
        print("ready", flush=True)
        Indexer().run()
        return
    build.READ_AT_ONCE = build.COMMIT_AFTER = 5
    print("ready", flush=True)
    built = build.build(progress=lambda done, of: print(done, flush=True))
    print(f"built {built.articles} {built.resumed}", flush=True)


if __name__ == "__main__":
    main()
