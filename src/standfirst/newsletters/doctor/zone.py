"""The DNS of this machine, asked by dnspython."""

import dns.exception
import dns.resolver

from standfirst.newsletters.doctor.rules import Unanswered

SECONDS = 5.0


class Dns:
    """`rules.Zone` over the network; what was asked once is remembered."""

    def __init__(self, servers: list[str] | None = None, port: int = 53) -> None:
        """`servers` (addresses) instead of those that the machine is set up with."""
        self._resolver = dns.resolver.Resolver(configure=servers is None)
        if servers is not None:
            self._resolver.nameservers = list(servers)
            self._resolver.port = port
        self._resolver.lifetime = SECONDS
        self._known: dict[tuple[str, str], list[str]] = {}

    def txt(self, name: str) -> list[str]:
        """See `rules.Zone`."""
        return self._ask(name, "TXT")

    def addresses(self, name: str) -> list[str]:
        """See `rules.Zone`."""
        return [*self._ask(name, "A"), *self._ask(name, "AAAA")]

    def exchangers(self, name: str) -> list[str]:
        """See `rules.Zone`."""
        return self._ask(name, "MX")

    def _ask(self, name: str, kind: str) -> list[str]:
        known = self._known.get((name, kind))
        if known is None:
            known = self._known[name, kind] = self._look_up(name, kind)
        return known

    def _look_up(self, name: str, kind: str) -> list[str]:
        try:
            found = self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(f"no server answered when asked for {kind} of {name}") from error
        if kind == "TXT":
            return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
        if kind == "MX":
            return [
                one.exchange.to_text(omit_final_dot=True)
                for one in sorted(found, key=lambda one: one.preference)
            ]
        return [one.to_text() for one in found]
