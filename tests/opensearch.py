"""A small OpenSearch for tests, on loopback: the shapes it publishes, the library's part of them.

It keeps documents in memory, answers searches by evaluating them (`opensearch_queries`), refuses
what OpenSearch refuses, and fails in the ways that a cluster fails, when told to.
"""

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.opensearch_queries import Doc, Refused, Searcher, within

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
SETTINGS = "number_of_shards auto_expand_replicas refresh_interval max_result_window gc_deletes"
FIELD = "type analyzer index index_options doc_values eager_global_ordinals enabled"
TYPES = {"long", "keyword", "text", "object"}
SEARCH = "query from size track_total_hits _source aggs post_filter sort rescore suggest timeout "
SEARCH += "pit search_after docvalue_fields"

Body = dict[str, Any]


class Kept:
    """A document with what tells its versions apart."""

    def __init__(self, doc: Doc, source: Body, version: int, seq_no: int) -> None:
        self.doc, self.source, self.version, self.seq_no = doc, source, version, seq_no


class Held:
    """An index: what was written, and what searches see of it since the last refresh."""

    def __init__(self, mappings: Body, aliases: set[str]) -> None:
        self.mappings, self.aliases = mappings, aliases
        self.fields: Body = mappings["properties"]
        self.kept: dict[str, Kept] = {}
        self.deleted: dict[str, int] = {}
        self.seen: list[Doc] = []
        self.seq_no = -1
        self.red = False

    def refresh(self) -> None:
        self.seen = [kept.doc for kept in self.kept.values()]

    def write(self, id_: str, source: Body | None, asked: Body) -> tuple[int, Body]:
        """Put a document in its place, or take it out. Gives status and result."""
        old = self.kept.get(id_)
        version = old.version + 1 if old else 1
        if asked.get("version_type") == "external_gte":
            before = old.version if old else self.deleted.get(id_, -1)
            version = int(asked["version"])
            if version < before:
                raise _conflict(id_, f"current version [{before}] is higher than [{version}]")
        elif asked.get("op_type") == "create" and old:
            raise _conflict(id_, "document already exists")
        elif "if_seq_no" in asked and (
            not old or (old.seq_no, 1) != (int(asked["if_seq_no"]), int(asked["if_primary_term"]))
        ):
            raise _conflict(id_, "required seqNo does not match")
        self.seq_no += 1
        result = {"_id": id_, "_version": version, "_seq_no": self.seq_no, "_primary_term": 1}
        if source is None:
            self.kept.pop(id_, None)
            self.deleted[id_] = version
            return (
                (200, result | {"result": "deleted"})
                if old
                else (404, result | {"result": "not_found"})
            )
        stored = {k: v for k, v in source.items() if k in self.mappings["_source"]["includes"]}
        self.kept[id_] = Kept(Doc(id_, source, self.fields), stored, version, self.seq_no)
        return (
            (200, result | {"result": "updated"}) if old else (201, result | {"result": "created"})
        )


def _conflict(id_: str, why: str) -> Refused:
    return Refused(409, "version_conflict_engine_exception", f"[{id_}]: version conflict, {why}")


def _gone(name: str) -> Refused:
    return Refused(404, "index_not_found_exception", f"no such index [{name}]")


class OpenSearch:
    """The server. `address` is as for SEARCH_URL; what follows is for tests that break it."""

    def __init__(self) -> None:
        self.indexes: dict[str, Held] = {}
        self.pits: dict[str, list[Doc]] = {}
        self.requests: list[str] = []
        self.bodies: list[Any] = []
        self.delay = 0.0  # seconds before an answer
        self.status = 0  # answered to everything
        self.refused_rows = 0  # of the next bulk rows, answered 429
        self.poisoned = ""  # the id of a document that cannot be indexed
        self.meddle: Callable[[str, str], None] = lambda method, path: None
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()
        self.port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://user:secret@127.0.0.1:{self.port}/library"

    def start(self) -> None:
        cluster = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize, disable_nagle_algorithm = 65_536, True  # an answer is one packet

            def setup(self) -> None:
                super().setup()
                cluster._open.add(self.connection)

            def log_message(self, *_: Any) -> None:
                pass

            def answer(self) -> None:
                text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                cluster.requests.append(f"{self.command} {urlsplit(self.path).path}")
                cluster.meddle(self.command, self.path)
                time.sleep(cluster.delay)
                status, body = cluster.answer(
                    self.command, self.path, text, self.headers.get("authorization", "")
                )
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json; charset=UTF-8")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

        ThreadingHTTPServer.allow_reuse_address = True
        ThreadingHTTPServer.request_queue_size = 64
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._server.handle_error = lambda *_: None  # type: ignore[assignment]  # clients go away
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Go away as a machine does that is switched off; what was written stays."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    # -- answering -----------------------------------------------------------------------------

    def answer(self, method: str, target: str, text: str, authorization: str) -> tuple[int, Any]:
        parts = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if authorization != "Basic " + base64.b64encode(b"user:secret").decode():
            return 401, "Unauthorized"
        if self.status:
            kind = "rejected_execution_exception" if self.status == 429 else "unavailable"
            return self.status, _told(Refused(self.status, kind, "told to"))
        try:
            with self._lock:
                return self._route(method, parts.path.strip("/").split("/"), text, params)
        except Refused as error:
            return error.status, _told(error)

    def _route(self, method: str, path: list[str], text: str, params: Body) -> tuple[int, Any]:
        body = {} if path[-1] == "_bulk" else json.loads(text or "{}")
        match method, path:
            case "PUT", [name]:
                return 200, self._create(name, body)
            case "DELETE", [name]:
                if (
                    self.indexes.pop(name, None) is None
                    and params.get("ignore_unavailable") != "true"
                ):
                    raise _gone(name)
                return 200, {"acknowledged": True}
            case "GET", [alias, "_mapping"]:
                found = self._named(alias)
                if not found:
                    raise _gone(alias)
                return 200, {n: {"mappings": i.mappings} for n, i in found.items()}
            case "GET", ["_alias", alias]:
                found = {n: i for n, i in self.indexes.items() if alias in i.aliases}
                if not found:
                    return 404, {"error": f"alias [{alias}] missing", "status": 404}
                return 200, {n: {"aliases": {alias: {}}} for n in found}
            case "POST", ["_aliases"]:
                return 200, self._change_aliases(within(body, "actions", "aliases")["actions"])
            case "POST", [name, "_refresh"]:
                self._one(name).refresh()
                return 200, {"_shards": {"total": 1, "successful": 1, "failed": 0}}
            case "GET", [name, "_doc", id_]:
                kept = self._one(name).kept.get(id_)
                if kept is None:
                    return 404, {"_index": name, "_id": id_, "found": False}
                marks = {"_version": kept.version, "_seq_no": kept.seq_no, "_primary_term": 1}
                return 200, {"_id": id_, "found": True, "_source": kept.source, **marks}
            case "PUT", [name, "_doc", id_]:
                self._must_be_alias(name, params)
                return self._one(name).write(id_, body, params)
            case "POST", [name, "_bulk"]:
                return 200, self._bulk(name, text, params)
            case "POST", [name, "_count"]:
                index = self._ready(name)
                clause = Searcher(index.seen, index.fields).read(
                    within(body, "query", "count")["query"]
                )
                return 200, {"count": sum(clause(doc) is not None for doc in index.seen)}
            case "POST", [name, "_search", "point_in_time"]:
                pit = f"{name}#{len(self.pits)}"
                self.pits[pit] = list(self._ready(name).seen)
                return 200, {"pit_id": pit, "creation_time": 0}
            case "DELETE", ["_search", "point_in_time"]:
                found_ = [
                    {"pit_id": p, "successful": bool(self.pits.pop(p, 1))} for p in body["pit_id"]
                ]
                return 200, {"pits": found_}
            case "POST", ["_search"]:
                pit = within(body, SEARCH, "search")["pit"]["id"]
                if pit not in self.pits:
                    raise Refused(
                        404, "search_phase_execution_exception", "No search context found"
                    )
                return 200, self._search(self._one(pit.split("#")[0]), self.pits[pit], body)
            case "POST", [name, "_search"]:
                index = self._ready(name)
                return 200, self._search(index, index.seen, within(body, SEARCH, "search"))
        raise Refused(400, "illegal_argument_exception", f"no handler found for {method} {path}")

    def _named(self, name: str) -> dict[str, Held]:
        return {n: i for n, i in self.indexes.items() if n == name or name in i.aliases}

    def _one(self, name: str) -> Held:
        found = list(self._named(name).values())
        if len(found) != 1:
            raise _gone(name)
        return found[0]

    def _ready(self, name: str) -> Held:
        index = self._one(name)
        if index.red:
            raise Refused(503, "no_shard_available_action_exception", "all shards failed")
        return index

    def _must_be_alias(self, name: str, params: Body) -> None:
        if params.get("require_alias") == "true" and not any(
            name in index.aliases for index in self.indexes.values()
        ):
            reason = f"no such index [{name}] and [require_alias] request flag is [true]"
            raise Refused(404, "index_not_found_exception", reason)

    def _create(self, name: str, body: Body) -> Body:
        within(body, "settings mappings aliases", "create index")
        if not NAME.fullmatch(name) or not all(NAME.fullmatch(a) for a in body["aliases"]):
            raise Refused(400, "invalid_index_name_exception", f"Invalid index name [{name}]")
        if name in self.indexes:
            reason = f"index [{name}] already exists"
            raise Refused(400, "resource_already_exists_exception", reason)
        within(body["settings"]["index"], SETTINGS, "settings")
        mappings = within(body["mappings"], "dynamic _source _meta properties", "mappings")
        for field, given in mappings["properties"].items():
            if within(given, FIELD, field)["type"] not in TYPES:
                raise Refused(400, "mapper_parsing_exception", f"No handler for type of [{field}]")
        self.indexes[name] = Held(mappings, set(body["aliases"]))
        return {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def _change_aliases(self, actions: list[Body]) -> Body:
        """All of the actions, or none."""
        for action in actions:
            ((verb, given),) = action.items()
            if verb not in {"add", "remove", "remove_index"}:
                raise Refused(400, "x_content_parse_exception", f"unknown field [{verb}]")
            if given["index"] not in self.indexes:
                raise _gone(given["index"])
            if verb == "remove" and given["alias"] not in self.indexes[given["index"]].aliases:
                raise Refused(
                    404, "aliases_not_found_exception", f"aliases [{given['alias']}] missing"
                )
        for action in actions:
            ((verb, given),) = action.items()
            if verb == "remove_index":
                del self.indexes[given["index"]]
            elif verb == "add":
                self.indexes[given["index"]].aliases.add(given["alias"])
            else:
                self.indexes[given["index"]].aliases.discard(given["alias"])
        return {"acknowledged": True}

    def _bulk(self, name: str, text: str, params: Body) -> Body:
        if not text.endswith("\n"):
            raise Refused(
                400, "illegal_argument_exception", "must be terminated by a newline [\\n]"
            )
        lines = iter([json.loads(line) for line in text.splitlines()])
        items: list[Body] = []
        for action in lines:
            ((verb, asked),) = action.items()
            within(asked, "_id version version_type", verb)
            source = next(lines) if verb == "index" else None
            try:
                if verb not in {"index", "delete"}:
                    raise Refused(400, "illegal_argument_exception", f"Malformed action [{verb}]")
                self._must_be_alias(name, params)
                if self.refused_rows:
                    self.refused_rows -= 1
                    raise Refused(429, "rejected_execution_exception", "rejected execution")
                if asked["_id"] == self.poisoned:
                    raise Refused(400, "mapper_parsing_exception", "failed to parse")
                status, result = self._one(name).write(asked["_id"], source, asked)
                items.append({verb: {**result, "status": status}})
            except Refused as error:
                told = {"type": error.kind, "reason": error.reason}
                items.append({verb: {"_id": asked["_id"], "status": error.status, "error": told}})
        failed = any("error" in row for item in items for row in item.values())
        return {"took": 1, "errors": failed, "items": items}

    def _search(self, index: Held, docs: list[Doc], body: Body) -> Body:
        searcher = Searcher(docs, index.fields)
        self.bodies.append(body)
        clause = searcher.read(body.get("query", {"match_all": {}}))
        kept = searcher.read(body.get("post_filter", {"match_all": {}}))
        start, size = body.get("from", 0), body.get("size", 10)
        if start + size > 20_000 or (size > 10_000 and "pit" not in body):
            raise Refused(400, "illegal_argument_exception", "Result window is too large")
        scored = [(score, doc) for doc in docs if (score := clause(doc)) is not None]
        hits = [(score, doc) for score, doc in scored if kept(doc) is not None]
        if sort := body.get("sort"):
            if "rescore" in body:
                reason = "Cannot use [sort] option in conjunction with [rescore]."
                raise Refused(400, "illegal_argument_exception", reason)
            hits = _sorted(searcher, hits, sort, body.get("search_after"))
        else:
            hits.sort(key=lambda hit: -hit[0])
            hits = _rescored(searcher, hits, body.get("rescore"))
        found = []
        for score, doc in hits[start : start + size]:
            hit: Body = {"_index": "library", "_id": doc.id, "_score": None if sort else score}
            if sort:
                hit["sort"] = [doc.values[name][0] for row in sort for name in row]
            if names := body.get("docvalue_fields"):
                hit["fields"] = {n: doc.values[searcher.field(n, values=True)] for n in names}
            found.append(hit)
        answer: Body = {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": found},
        }
        if "aggs" in body:
            answer["aggregations"] = searcher.counted(body["aggs"], [doc for _, doc in scored])
        if "suggest" in body:
            answer["suggest"] = searcher.suggested(body["suggest"])
        return answer


def _sorted(searcher: Searcher, hits: list[Any], sort: list[Body], after: Any) -> list[Any]:
    for row in reversed(sort):
        ((name, order),) = row.items()
        searcher.field(name, values=True)
        hits.sort(key=lambda hit: hit[1].values[name][0], reverse=order == "desc")
    if after is not None:
        ((name, _),) = sort[0].items()
        hits = [hit for hit in hits if hit[1].values[name][0] > after[0]]
    return hits


def _rescored(searcher: Searcher, hits: list[Any], rescore: Body | None) -> list[Any]:
    if not rescore:
        return hits
    within(rescore, "window_size query", "rescore")
    asked = within(rescore["query"], "score_mode rescore_query", "rescore")
    assert asked["score_mode"] == "multiply"
    clause, window = searcher.read(asked["rescore_query"]), rescore["window_size"]
    best = [(score * (clause(doc) or 1), doc) for score, doc in hits[:window]]
    return sorted(best, key=lambda hit: -hit[0]) + hits[window:]


def _told(error: Refused) -> Body:
    told = {"type": error.kind, "reason": error.reason}
    return {"error": {"root_cause": [told], **told}, "status": error.status}
