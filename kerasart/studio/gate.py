"""`Gate`: which requests the studio answers, from their method and headers alone."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

_COOKIE = r"(?:^|;)\s*{}=([^;]*)"


@dataclass(frozen=True)
class Gate:
    """Decides who may ask: the page that holds this start's key, and no other page.

    A page elsewhere can make a browser send requests here, and by DNS rebinding even under a name
    of its own; but it sets neither Host nor Origin, and does not have the key.

    Attributes:
        port: The studio's port.
        key: The secret of this start.
        host: The address that the studio listens at.
    """

    port: int
    key: str
    host: str = "127.0.0.1"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values of Host that are answered: a list, since Host = Origin holds for anyone."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        names = dict.fromkeys((own, "127.0.0.1", "localhost", "[::1]"))
        return tuple(f"{name}:{self.port}" for name in names)

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the key; cookies know no ports, so it has the port."""
        return f"kerasart_{self.port}"

    def has_key(self, key: str) -> bool:
        """Returns whether a key is that of this start."""
        return hmac.compare_digest(key.encode("utf-8", "replace"), self.key.encode())

    def refuse(self, method: str, headers: Iterable[tuple[str, str]], key: str = "") -> str | None:
        """Returns why a request is refused, in a sentence; None if it may be answered.

        Args:
            method: "GET" or "POST"; every other is refused.
            headers: The request's headers, pairs of name and value.
            key: The key in the address, with which the page is opened first.
        """
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name.lower(), []).append(value)

        if method not in ("GET", "POST"):
            return f"The method must be GET or POST. Received: {method[:20]!r}"
        hosts = values.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return f"The studio is opened at {self.hosts[0]}, under no other name."
        (site, *more) = values.get("sec-fetch-site", ["same-origin"])
        if more or site not in ("same-origin", *(["none"] if method == "GET" else [])):
            return "Only the studio's own page may ask."
        origins = values.get("origin", [])
        own = [f"http://{host}" for host in self.hosts]
        if len(origins) > 1 or any(origin.lower() not in own for origin in origins):
            return "Only the studio's own page may ask."
        if method == "POST" and not origins:
            return "Only the studio's own page may ask: there must be an Origin."
        pattern = _COOKIE.format(re.escape(self.cookie))
        keys = [key, *re.findall(pattern, "; ".join(values.get("cookie", [])))]
        if not any(self.has_key(each) for each in keys):
            return "The studio was started anew: open the address that it printed, with its key."
        return None
