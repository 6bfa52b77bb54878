#!/bin/sh
# Everything that proves the program, from quick to slow. Called by `make test`.
#
# Servers and the browser that the tests need are installed with apt where that may be done, and
# are otherwise named; their tests are then skipped, with the same words.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
# Settings of a magazine on this machine must not reach the tests.
unset DATABASE_URL REDIS_URL EMAIL_URL SECRET_KEY DEBUG DEMO BASE_URL ALLOWED_HOSTS STANDFIRST_HOME \
    DJANGO_SETTINGS_MODULE TEST_DATABASE_URL 2>/dev/null || true

missing=""
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; }
has_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null; }
has_postgres || missing="$missing postgresql"
has_chromium || missing="$missing chromium"

if [ -n "$missing" ] && command -v apt-get >/dev/null; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    if [ -z "$sudo" ] || sudo -n true 2>/dev/null; then
        echo "Installing for the tests:$missing"
        export DEBIAN_FRONTEND=noninteractive
        # Not a cluster for everybody: the tests start one of their own.
        { $sudo apt-get -q update && $sudo apt-get -q install -y --no-install-recommends $missing; } \
            >.venv/apt.log 2>&1 || echo "apt-get did not succeed; see .venv/apt.log"
    fi
fi
has_postgres || echo "MISSING: PostgreSQL, so its tests are skipped. apt-get install postgresql"
has_chromium || echo "MISSING: Chromium, so the browser's tests are skipped. apt-get install chromium"

# Every part is run, also after one that failed; the exit code says whether any did.
failed=0
part() {
    echo "-- $1"
    shift
    status=0
    "$@" || status=$?
    # 5: no such tests were found.
    [ "$status" = 0 ] || [ "$status" = 5 ] || failed=1
}

# With tables made from the models, which is quicker; PostgreSQL runs every migration below.
part "rules, apps and flows on SQLite" \
    $bin/pytest -q -n 2 --no-migrations -m "not browser and not server" tests

if has_postgres; then
    part "apps on PostgreSQL" $bin/python -m tests.servers postgres -- \
        $bin/pytest -q -n 2 -m "not browser" tests/apps
fi

part "the reader's story in a browser, and tests that need servers" \
    $bin/pytest -q -m "browser or server" tests
exit $failed
