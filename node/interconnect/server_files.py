"""Configuration of a community's own `nats-server`: a hub for its children, and a leaf of its parent's.

The node speaks to its server by nkey. A child's server speaks to its parent's inside TLS, each showing a certificate
of the communities' own authority, with a password. (Debian's server 2.9 takes no nkey for leaf nodes.)
The node and its streams have an account of their own on the server, and so has every link: between them crosses
nothing but what both ends need to read what is meant for them. Permissions would not do: whoever may ask the engine
for messages names where they go, and a name such as ``$JS.API.STREAM.DELETE.…`` made it an order of the server itself.
Between accounts an answer goes to whoever asked, and never into the node's account.
Everything that counts is signed inside the messages as well.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.interconnect.streams import READER, stream_name

NODE: Final = "NODE"
"""Account of the node and its streams."""


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


@dataclass(frozen=True, slots=True)
class ParentAccess:
    """The parent's server."""

    name: str
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
    others = [each.name for each in children] + ([parent.name] if parent else [])
    users = {each.name: f"{{ user: {each.name}, password: {_quoted(each.password)} }}" for each in children}
    exported: dict[str, tuple[str, list[str]]] = {}
    for other in others:
        for each in _asked(name, other):
            exported.setdefault(each.keeper, (each.answers, []))[1].append(_account(other))
    secured = f"tls {{ {_tls(tls)}, verify: true }}" if tls else ""
    lines = [
        f"server_name: {name}",
        f"listen: {_quoted(listen)}",
        f"jetstream {{ domain: {name}, store_dir: {_quoted(str(store))} }}",
        "accounts {",
        f"  {NODE} {{",
        "    jetstream: enabled",
        f"    users: [ {{ nkey: {node_public_key} }} ]",
        *_listed("exports", [_export(subject, *of) for subject, of in exported.items()]),
        *_listed("imports", [_import(_account(o), each.way, each.reader) for o in others for each in _asked(o, name)]),
        "  }",
    ]
    for other in others:
        lines += [
            f"  {_account(other)} {{",
            f"    users: [ {users.get(other, '')} ]",
            *_listed("exports", [_export(each.way, each.answers, [NODE]) for each in _asked(other, name)]),
            *_listed("imports", [_import(NODE, each.keeper, each.way) for each in _asked(name, other)]),
            "  }",
        ]
    lines.append("}")
    leaf = [f"  listen: {_quoted(hub_listen)}"] if hub_listen else []
    leaf += [f"  {secured}"] if secured and hub_listen else []
    if parent is not None:
        scheme = "tls" if tls else "nats-leaf"
        url = f"{scheme}://{name}:{parent.password}@{parent.host}:{parent.port}"
        own = f", tls {{ {_tls(tls)} }}" if tls else ""
        leaf += ["  reconnect: 1", f"  remotes: [ {{ url: {_quoted(url)}, account: {_account(parent.name)}{own} }} ]"]
    if leaf:
        lines += ["leafnodes {", *leaf, "}"]
    return "\n".join(lines) + "\n"


def _account(other: str) -> str:
    """Return the name of the account of a link, on either side."""
    return f"link-{other}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One subject on which a reader asks for the stream that is meant for it, by its names on the way."""

    reader: str
    """In the account of whoever asks."""
    way: str
    """In the accounts of the link. The engine would take its own names there as meant for the link's account."""
    keeper: str
    """In the account of whoever keeps the stream."""
    answers: str = "singleton"


def _asked(keeper: str, reader: str) -> list[Asked]:
    """Return all that a reader may ask of its neighbour; making its own consumer is not among it."""
    consumer = f"{stream_name(keeper, reader)}.{READER}"
    way, acknowledged, beat = f"resilia.ask.{keeper}.{reader}", f"$JS.ACK.{consumer}.>", f"resilia.beat.{keeper}"
    return [
        *(
            Asked(
                f"$JS.{keeper}.API.CONSUMER.{what}.{consumer}",
                f"{way}.{what}",
                f"$JS.API.CONSUMER.{what}.{consumer}",
                how,
            )
            for what, how in (("INFO", "singleton"), ("MSG.NEXT", "stream"))
        ),
        Asked(acknowledged, acknowledged, acknowledged),
        Asked(beat, beat, beat),
    ]


def _export(subject: str, answers: str, accounts: list[str]) -> str:
    return f"{{ service: {_quoted(subject)}, response_type: {answers}, accounts: [{', '.join(accounts)}] }}"


def _import(account: str, subject: str, here: str) -> str:
    return f"{{ service: {{ account: {account}, subject: {_quoted(subject)} }}, to: {_quoted(here)} }}"


def _listed(name: str, lines: list[str]) -> list[str]:
    return [f"    {name}: [", *(f"      {line}" for line in lines), "    ]"] if lines else []


def _tls(tls: Tls) -> str:
    return (
        f"cert_file: {_quoted(str(tls.certificate))}, key_file: {_quoted(str(tls.key))}, "
        f"ca_file: {_quoted(str(tls.authority))}"
    )


def _quoted(text: str) -> str:
    return f'"{text}"'
