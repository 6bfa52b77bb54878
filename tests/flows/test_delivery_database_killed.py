"""The database server killed while letters leave: nothing is lost, nobody is written to twice."""

import os
import time
from pathlib import Path

import pytest
from bench.mail.sink import read_record, running

from tests.hosts import TABLES, Host
from tests.mailer import mailer
from tests.servers import postgres_cluster, postgres_programs

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        postgres_programs() is None,
        reason="PostgreSQL is not installed: apt-get install postgresql",
    ),
]
KILLS = int(os.environ.get("KILLS", "4"))
LINES = 3


def test_the_database_server_killed_again_and_again_leaves_everybody_with_one(
    tmp_path: Path,
) -> None:
    record, journals = tmp_path / "record", tmp_path / "journals"
    with postgres_cluster() as cluster:
        host = Host(tmp_path / "home", cluster.address)
        host.do(TABLES)
        host.do("from tests.letters_sent import *\nfrom tests.making import make_magazine")
        host.do(f"make_magazine(); readers({KILLS * 500}); sending = begin_daily()")
        with mailer(cluster.address) as one, running(record, delay=1) as sink:
            one.begin(sink.port, journals, lines=LINES)
            for number in range(KILLS):
                arrived = 150 * (number + 1)
                _until(lambda n=arrived: sum(read_record(record).values()) > n)  # type: ignore[misc]
                cluster.stop()
                time.sleep(0.2)
                cluster.start()
            assert one.wait() == 0
            # A sender that is killed while the database is away leaves its word in the journal.
            one.run(sink.port, journals)
        got = dict(read_record(record))
        try:
            host.do("from django.db import connection; connection.close()")
        except AssertionError:  # its connection died with the server
            host = Host(tmp_path / "home", cluster.address)
            host.do("from tests.letters_sent import *")
        host.do("sending = Sending.objects.get()")
        host.do(f"assert_exact(sending, {got!r}, doubt=0)")
        assert host.do("answer = str(sending.state)") == "done"


def _until(holds) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
