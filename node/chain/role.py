"""What a node may do with its chain: seal it, or follow whoever does. Kept in `role.json` beside the chain's file.

A folder without that file is the sealer's. Only one node may seal: two would sign two different blocks of one height.
So a sealer that hands over gives up sealing on its own disk first, and the follower that takes over must have its last
block. In the place of a sealer that is gone, one follower alone may seal: the standby by whose name the sealer's own
disk says that it seals nothing without that standby's word. So whoever of the two comes back, there is one that seals.
Refuses: a role that does not allow what is asked (`Misconfigured`).
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Final, Literal

from energy.errors import Misconfigured
from energy.identity import Digest, hex_text
from node.chain.genesis import read_genesis
from node.chain.records import StoredBlock
from node.chain.store import ChainStore
from node.storage.durable import write_whole

ROLE_FILE: Final = "role.json"
LOCK_FILE: Final = "role.lock"


@dataclass(frozen=True, slots=True)
class Role:
    """What a node does with its chain."""

    role: Literal["sealer", "follower", "retired"]
    """A retired sealer neither seals nor follows yet."""
    url: str = ""
    """Whom a follower follows, or a sealer has replaced without a hand-over: JSON-RPC of that node."""
    standby: str = ""
    """Name of the standby: a follower's own, or for a sealer that of the one that it waits for, once it has told."""
    replaces: str = ""
    """The name by which the replaced node knew this one."""
    awaited: bool = False
    """Whether the sealer acknowledges nothing before the standby has it, as far as this node knows."""
    logs: bool = False
    """Whether that holds for the market's and the meters' records, too, and this standby has all that came before."""


SEALER: Final = Role("sealer")


def read_role(datadir: Path) -> Role:
    """Return the role of a chain's folder.

    Raises:
        Misconfigured: the file holds none.
    """
    path = datadir / ROLE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        role = Role(**document)
        if role.role not in ("sealer", "follower", "retired"):
            raise ValueError(f"role is {role.role!r}")
        if [type(each) for each in (role.url, role.standby, role.replaces)] != [str, str, str]:
            raise ValueError("url, standby and replaces are texts")
        if [type(each) for each in (role.awaited, role.logs)] != [bool, bool]:
            raise ValueError("awaited and logs are true or false")
    except FileNotFoundError:
        return SEALER
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"{path} tells no role: {error}") from None
    return role


def require_sealer(datadir: Path) -> None:
    """Check that a folder's chain may be sealed.

    Raises:
        Misconfigured: another node seals it.
    """
    role = read_role(datadir).role
    if role != "sealer":
        raise Misconfigured(
            f"{datadir} is the folder of a {role} chain, which another node seals; "
            "'resilia chain take-over' makes this one the sealer"
        )


def become_follower(datadir: Path, url: str) -> None:
    """Note that a chain is followed from now on: one that has no block of its own making, or has handed over.

    Raises:
        Misconfigured: the folder is the sealer's.
    """
    role = read_role(datadir)
    if role.role == "sealer" and not _is_new(datadir):
        raise Misconfigured(f"{datadir} is the sealer's folder; 'resilia chain hand-over' lets it follow")
    kept = role if role.role == "follower" else _new_follower()
    _write(datadir, replace(kept, url=url))


def begin_as_follower(datadir: Path) -> None:
    """Make a restored copy of a sealer's folder a follower's, which never seals beside the first; whom, it is told."""
    _write(datadir, _new_follower())


def _new_follower() -> Role:
    return Role("follower", standby="0x" + token_hex(16))


def await_standby(datadir: Path) -> None:
    """Note that a chain is sealed only with a standby's word, from now on and at every later start.

    Raises:
        Misconfigured: the folder is not the sealer's.
    """
    require_sealer(datadir)
    with _changing(datadir) as role:
        _write(datadir, replace(role, awaited=True))


def is_standby(datadir: Path, name: str) -> bool:
    """Return whether a sealer waits for the standby of that name: for the first that has told, and no other."""
    role = read_role(datadir)
    if not role.awaited or not name:
        return False
    if role.standby:
        return role.standby == name
    with _changing(datadir) as role:
        if not role.standby:
            _write(datadir, replace(role, standby=name))
        return role.standby in ("", name)


def note_awaited(datadir: Path, awaited: bool) -> None:
    """Note, for a follower, whether the sealer waits for its word: only then may it seal when the sealer is gone."""
    with _changing(datadir) as role:
        if role.awaited != awaited:
            _write(datadir, replace(role, awaited=awaited))


def note_logs(datadir: Path, level: bool) -> None:
    """Note, for a standby, whether it has all records that count: else it may not take the market over."""
    with _changing(datadir) as role:
        if role.logs != level:
            _write(datadir, replace(role, logs=level))


def retire(datadir: Path) -> None:
    """Give up sealing for good, because the standby that this sealer waits for has taken over."""
    with _changing(datadir):
        _write(datadir, Role("retired"))


def _is_new(datadir: Path) -> bool:
    if (datadir / ROLE_FILE).exists():
        return False
    with _locked(datadir) as store:
        return _head(store).number == 0


def hand_over(datadir: Path) -> StoredBlock:
    """Give up sealing for good, before another node begins, and return the last block.

    Raises:
        Misconfigured: a process runs on the folder, or it is not the sealer's.
    """
    with _locked(datadir) as store:
        require_sealer(datadir)
        _write(datadir, Role("retired"))
        return _head(store)


def take_over(datadir: Path, last_block: Digest | None, *, with_logs: bool = False) -> StoredBlock:
    """Begin to seal in the place of another node, and return the block after which that is.

    Args:
        datadir: Of a follower, or of a sealer that has handed over.
        last_block: Hash of the other's last block, as it handed over; None when the other is gone for good.
        with_logs: Whether it takes over the market as well, whose records it must have, then.
    Raises:
        Misconfigured: a process runs on the folder, it is the sealer's already, its head is another block, or the
            sealer did not wait for it.
    """
    with _locked(datadir) as store:
        role = read_role(datadir)
        if role.role == "sealer":
            raise Misconfigured(f"{datadir} is the sealer's folder already")
        if last_block is None and not (role.awaited and (role.logs or not with_logs)):
            raise Misconfigured(
                "the sealer did not wait for this follower: it may have acknowledged what is not here, and would fork "
                "the chain when it comes back; start it again and let it hand over"
            )
        head = _head(store)
        if last_block is not None and head.hash != last_block:
            raise Misconfigured(
                f"the chain ends here with block {head.number} {hex_text(head.hash)}, "
                f"not with {hex_text(last_block)}: let it catch up first"
            )
        # Whom it replaces without a hand-over, it tells for as long as that one may come back.
        _write(datadir, replace(SEALER, url=role.url, replaces=role.standby) if last_block is None else SEALER)
        return head


@contextmanager
def _changing(datadir: Path) -> Iterator[Role]:
    """Give the role while no other process changes it: the chain's and the node's both note something."""
    with open(datadir / LOCK_FILE, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read_role(datadir)


def _write(datadir: Path, role: Role) -> None:
    text = json.dumps({key: value for key, value in asdict(role).items() if value}) + "\n"
    write_whole(datadir / ROLE_FILE, text)


@contextmanager
def _locked(datadir: Path) -> Iterator[ChainStore]:
    """Open the store of a folder on which no process runs."""
    read_genesis(datadir)
    with closing(ChainStore(datadir)) as store:
        yield store


def _head(store: ChainStore) -> StoredBlock:
    head = store.head()
    if head is None:
        raise Misconfigured("the chain has no block 0; initialise it first")
    return head
