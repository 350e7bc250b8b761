"""The machine that keeps a key for a node: `resilia key serve FILE`, with everything that it needs in one file.

``listen`` (``HOST:PORT``), ``ca``, ``certificate`` and ``key_file`` of TLS; ``chain_id`` and the addresses of the
contracts ``readings`` and ``settlement``, outside of which nothing is signed; ``guard``, the file that remembers what
was signed; and a table ``[key]`` with a ``backend`` as in `node.signing.signers`, ``keystore`` or ``pkcs11``. Paths are
relative to the file.
"""

import tomllib
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from energy.errors import Misconfigured
from energy.identity import address_from_hex
from node.signing.server import SigningServer
from node.signing.signers import check_table, keystore_signer
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.guarding import Guard
from oracles.signers import Signer
from oracles.token_signer import TokenPlace, TokenSigner
from oracles.typed_data import community_domain

_NAMES: Final = frozenset(
    {"listen", "ca", "certificate", "key_file", "chain_id", "readings", "settlement", "guard", "key"}
)


@dataclass(frozen=True, slots=True)
class OpenedService:
    """A server with what it holds open."""

    server: SigningServer
    files: ExitStack

    def close(self) -> None:
        """Stop serving, from another thread than the one that serves, and let go of key and memory."""
        self.server.close()
        self.files.close()


def open_service(
    path: Path,
    more: Collection[str] = (),
    wrap: Callable[[GuardedSigner], Guard] = lambda guard: guard,
    optional: Collection[str] = (),
) -> OpenedService:
    """Return the server that a file describes, bound and not yet serving.

    Args:
        path: The file.
        more: Names in it that somebody else reads.
        wrap: Puts something in front of the key's guard.
        optional: Names that may stand there too.
    Raises:
        Misconfigured: the file, the key, or a certificate is not as it should be. OSError: the port is taken.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} can not be read: {error}") from error
    for name in sorted((_NAMES | set(more)) ^ (set(document) - set(optional))):
        raise Misconfigured(f"{path} {'has an unknown' if name in document else 'lacks'} {name}")
    folder, opened = path.parent, ExitStack()
    try:
        host, _, port = document["listen"].rpartition(":")
        chain_id = int(document["chain_id"])
        readings = community_domain(chain_id, address_from_hex(document["readings"].lower()))
        settlement = community_domain(chain_id, address_from_hex(document["settlement"].lower()))
        domains = {
            "reading": readings,
            "correction": readings,
            "interval": readings,
            "run": settlement,
            "link": settlement,
            "facts": readings,
        }
        signer = _signer(path, folder, document["key"], opened)
        files = [folder / document[name] for name in ("ca", "certificate", "key_file")]
        store = GuardStore(folder / document["guard"], signer.address)
        opened.callback(store.close)
        server = SigningServer(host, int(port), wrap(GuardedSigner(signer, store)), domains, *files)
        return OpenedService(server, opened.pop_all())
    except (AttributeError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path}: {error}") from error
    finally:
        opened.close()


def _signer(path: Path, folder: Path, table: dict[str, Any], opened: ExitStack) -> Signer:
    check_table(f"{path}: [key]", table)
    if table["backend"] == "keystore":
        return keystore_signer(folder / table["file"], folder / table["password_file"])
    if table["backend"] == "pkcs11":
        place = TokenPlace(Path(table["module"]), table["token"], table["key"], folder / table["pin_file"])
        token = TokenSigner(place)
        opened.callback(token.close)
        return token
    raise Misconfigured(f"{path}: a key that is served lies here, not on a third machine")
