"""Configuration of a community's own `nats-server`: a hub for its children, and a leaf of its parent's.

The node speaks to its server by nkey. A child's server speaks to its parent's inside TLS, each showing a certificate
of the communities' own authority, with a password that admits it to nothing but reading: its node may read the streams
that are meant for it, and let its own be read. (Debian's server 2.9 takes no nkey for leaf nodes.)
Everything that counts is signed inside the messages as well.
"""

from dataclasses import dataclass
from pathlib import Path

from node.interconnect.streams import READER, inbox, stream_name


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a server's certificate; both ends of a leaf's way show one."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class ChildAccess:
    """A child whose server may connect."""

    name: str
    password: str
    partners: tuple[str, ...] = ()
    """Other communities with whom it exchanges certificates through this server."""


@dataclass(frozen=True, slots=True)
class ParentAccess:
    """The parent's server."""

    host: str
    port: int
    password: str


def server_configuration(
    name: str,
    store: Path,
    node_public_key: str,
    listen: str,
    *,
    hub_listen: str = "",
    children: tuple[ChildAccess, ...] = (),
    parent: ParentAccess | None = None,
    tls: Tls | None = None,
) -> str:
    """Return the text of the server's configuration.

    Args:
        name: Of the community: its JetStream domain.
        store: Folder of its streams.
        node_public_key: nkey of the node, the only client.
        listen: ``host:port`` for the node; loopback.
        hub_listen: ``host:port`` for the children's servers; empty without children.
        children: Who may connect there.
        parent: Where to connect to; None at the top.
        tls: For the ways between servers; None on loopback only.
    """
    users = [f"    {{ nkey: {node_public_key} }}"]
    users += [
        f"    {{ user: {each.name}, password: {_quoted(each.password)}, {_reading(name, each)} }}" for each in children
    ]
    secured = f"tls {{ {_tls(tls)}, verify: true }}" if tls else ""
    lines = [
        f"server_name: {name}",
        f"listen: {_quoted(listen)}",
        f"jetstream {{ domain: {name}, store_dir: {_quoted(str(store))} }}",
        "authorization { users: [",
        *users,
        "] }",
    ]
    leaf = [f"  listen: {_quoted(hub_listen)}"] if hub_listen else []
    leaf += [f"  {secured}"] if secured and hub_listen else []
    if parent is not None:
        scheme = "tls" if tls else "nats-leaf"
        url = f"{scheme}://{name}:{parent.password}@{parent.host}:{parent.port}"
        own = f", tls {{ {_tls(tls)} }}" if tls else ""
        leaf += ["  reconnect: 1", f"  remotes: [ {{ url: {_quoted(url)}{own} }} ]"]
    if leaf:
        lines += ["leafnodes {", *leaf, "}"]
    return "\n".join(lines) + "\n"


def _reading(parent: str, child: ChildAccess) -> str:
    """Return what a child's server may do at its parent's: read what is meant for it, and let its own be read."""
    others = (parent, *child.partners)
    publish = [subject for other in others for subject in (*_asking(other, child.name), f"{inbox(other)}.>")]
    subscribe = [subject for other in others for subject in _asking(child.name, other)]
    publish += [f"resilia.beat.{parent}"]
    subscribe += [f"{inbox(child.name)}.>"]
    return f"permissions: {{ publish: {{ allow: {_listed(publish)} }}, subscribe: {{ allow: {_listed(subscribe)} }} }}"


def _asking(sender: str, reader: str) -> list[str]:
    """Return the subjects on which a reader asks for the one stream of a sender that is meant for it."""
    api, consumer = f"$JS.{sender}.API.CONSUMER", f"{stream_name(sender, reader)}.{READER}"
    asked = [f"{api}.{what}.{consumer}" for what in ("INFO", "CREATE", "DURABLE.CREATE", "MSG.NEXT")]
    return [*asked, f"$JS.ACK.{consumer}.>"]


def _listed(subjects: list[str]) -> str:
    return "[" + ", ".join(_quoted(each) for each in subjects) + "]"


def _tls(tls: Tls) -> str:
    return (
        f"cert_file: {_quoted(str(tls.certificate))}, key_file: {_quoted(str(tls.key))}, "
        f"ca_file: {_quoted(str(tls.authority))}"
    )


def _quoted(text: str) -> str:
    return f'"{text}"'
