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
has_nginx() { command -v nginx >/dev/null && ls /usr/lib/nginx/modules/ngx_http_lua_module.so >/dev/null 2>&1; }
has_varnish() { command -v varnishd >/dev/null && ls /usr/lib/*/varnish/vmods/libvmod_xkey.so >/dev/null 2>&1; }
has_postgres || missing="$missing postgresql"
has_chromium || missing="$missing chromium"
has_false_clock() { ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1; }
has_redis() { command -v redis-server >/dev/null; }
has_postfix() { command -v postfix >/dev/null; }
clock=""
has_false_clock || clock=libfaketime
edges=""
has_nginx || edges="$edges nginx-light libnginx-mod-http-lua"
has_varnish || edges="$edges varnish varnish-modules"

redis=""
has_redis || redis=redis-server
mail=""
has_postfix || mail=postfix

if [ -n "$missing$edges$clock$redis$mail" ] && command -v apt-get >/dev/null; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    if [ -z "$sudo" ] || sudo -n true 2>/dev/null; then
        echo "Installing for the tests:$missing$edges $clock $redis $mail"
        export DEBIAN_FRONTEND=noninteractive
        install() {
            [ -z "$*" ] || $sudo apt-get -q install -y --no-install-recommends "$@" >>.venv/apt.log 2>&1 ||
                echo "apt-get did not succeed; see .venv/apt.log"
        }
        $sudo apt-get -q update >.venv/apt.log 2>&1 || true
        # Not a cluster for everybody: the tests start one of their own.
        install $missing
        # Apart, so that one without the other still comes.
        install $edges
        install $clock
        install $redis
        install $mail
        # The tests start their own; what was installed for them must not take port 80 or 25.
        if [ -d /run/systemd/system ]; then
            for one in $edges $redis $mail; do
                case $one in
                nginx-light) $sudo systemctl disable --now nginx >>.venv/apt.log 2>&1 || true ;;
                varnish | redis-server | postfix)
                    $sudo systemctl disable --now "$one" >>.venv/apt.log 2>&1 || true
                    ;;
                esac
            done
        fi
    fi
fi
has_postgres || echo "MISSING: PostgreSQL, so its tests are skipped. apt-get install postgresql"
has_nginx || echo "MISSING: nginx with Lua, so its tests are skipped. apt-get install nginx-light libnginx-mod-http-lua"
has_varnish || echo "MISSING: Varnish, so its tests are skipped. apt-get install varnish varnish-modules"
has_redis || echo "MISSING: Redis, so its test is skipped. apt-get install redis-server"
has_postfix || echo "MISSING: Postfix, so its test is skipped. apt-get install postfix"
has_false_clock || echo "MISSING: libfaketime, so the test with a wrong clock is skipped. apt-get install libfaketime"
has_chromium || echo "MISSING: Chromium, so the browser's tests are skipped. apt-get install chromium"

# Every part is run, also after one that failed; the exit code says whether any did.
failed=0
took=""
part() {
    name=$1 began=$(date +%s)
    echo "-- $name"
    shift
    status=0
    "$@" || status=$?
    took="$took
$(($(date +%s) - began)) s  $name"
    # 5: no such tests were found.
    [ "$status" = 0 ] || [ "$status" = 5 ] || failed=1
}

# With tables made from the models, which is quicker; the demo runs every migration, and
# tests/flows/test_migrations.py does on PostgreSQL.
# Three workers, for some tests wait for what they killed.
part "rules, apps and flows on SQLite" \
    $bin/pytest -q -n 3 --dist worksteal --no-migrations -m "not browser and not server" tests

if has_postgres; then
    part "apps on PostgreSQL" $bin/python -m tests.servers postgres -- \
        $bin/pytest -q -n 3 --dist worksteal -m "not browser" tests/apps
fi

part "the reader's story in a browser, and tests that need servers" \
    $bin/pytest -q -n 2 --dist loadfile -m "browser or server" tests
echo "-- how long each part took$took"
exit $failed
