"""Founding a community: keys, genesis, contracts on a new chain, members, deposits, and the files a node starts from.

The folder is complete when `community.json` is there, which is written last; an unfinished one is founded anew.
"""

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import Address, MeterId, address_from_hex
from interconnect.records import community_id
from interconnect.terms import Attestors
from market.config import MarketConfig
from market.metered import Source
from node.chain.datadir import init_chain
from node.chain.genesis import Genesis
from node.chain.seal import Sealer
from node.chain_access import open_chain_access, web3_over
from node.coop.community import IDENTIFYING, LINK_KIND, POWER_W_MAX, Community, Contracts, Member, check_members
from node.coop.council import USUAL, Council, elect
from node.coop.tariffs import TariffSchedule
from node.external.client import ExternalClient
from node.external.money import require_money
from node.external.settings import SETTINGS_FILE, ExternalChain
from node.interconnect.agreement import Card
from node.interconnect.links import REGISTERS, Links
from node.ledger import Ledger, meter_tuple
from node.privacy.salt_files import create_salts
from node.signing.keys import KeyPair, KeyRing, add_link_key, create_keys
from node.storage.durable import write_whole
from oracles.hashing import keccak

COMMUNITY_FILE: Final = "community.json"
TARIFF_FILE: Final = "tariffs.csv"
SALTS: Final = Path("keys") / "salts"
LINK_LABEL: Final = "Link"
LINK_SERIAL: Final = "LINK"
UNFINISHED_MARK: Final = ".founding"
OPERATOR_WEI: Final = 10**24
"""Native money of the operator, who alone pays for gas: far more than it can ever use."""

MEMBER_COLUMNS: Final = (
    "account",
    "label",
    "kind",
    "serial",
    "meter_source",
    "source",
    "power_max_import_w",
    "power_max_export_w",
)
"""Columns that a file of members must have; `efficiency_permille` is for storage alone."""

MEMBER_WEI: Final = 10**12
"""Native money of each member at the embedded chain's founding: gas for half a million calls, at 7 wei each."""

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many steps are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Founding:
    """Everything that has to be decided to found a community."""

    name: str
    chain_id: int
    time_zone: str
    demo: bool
    market: MarketConfig
    open_ahead: int
    run_intervals: int
    founded_at: int
    """UTC epoch seconds; before the first interval."""
    first_interval: int
    members: tuple[Member, ...]
    deposit_neur: int
    """Collateral that each member has paid in, n€."""
    supplier_deposit_neur: int
    guarantee_neur: int
    """What the guarantee fund starts with, n€."""
    tariffs: Sequence[tuple[int, ...]]
    """Rows of the tariff file."""
    oracle_quorum: int = 2
    attestor_quorum: int = 2
    challenge_window_s: int = 0
    """How long a run can be disputed before it is final; 0 for not at all."""
    answer_time_s: int = 86_400
    """How long the operator has to show what it is asked for; questions end two such times before a run is final."""
    bond_neur: int = 1_000 * 10**9
    """What a run that is proven wrong costs the operator. It starts with as much again in its purse."""
    stake_neur: int = 10**9
    """What a question costs whoever asks it, if it is answered."""
    link: tuple[str, bytes] | None = None
    """The community's name among its neighbours and the private key of the link's account, which becomes a member; None
    for a community that stays by itself."""
    council: Council = USUAL
    members_decide: bool = True
    """Whether the registry is the members' from the start, if there are any; else the operator's until then."""

    def __post_init__(self) -> None:
        if self.link is not None:
            object.__setattr__(self, "members", (*self.members, link_member(self.link[1])))
        check_members(self.members)
        if self.challenge_window_s and self.challenge_window_s < 2 * self.answer_time_s:
            raise ValueError(
                "challenge_window_s must be 0, or at least twice answer_time_s: else nobody can ask in time"
            )


async def found_community(
    folder: Path,
    founding: Founding,
    private_keys: Mapping[str, bytes] | None = None,
    progress: Progress = lambda what, done, of: None,
    external: ExternalChain | None = None,
) -> Community:
    """Found a community in a folder that is empty or does not exist.

    Args:
        folder: Where the node's files go.
        founding: What was decided.
        private_keys: Keys by role, and "salt" from which salt keys are derived, for a demo that must repeat; else drawn
            by chance.
        progress: Is told about each step.
        external: The network that the contracts go to; its chain id takes the place of the one that was decided.
            None for a new embedded chain.
    Raises:
        Misconfigured: the folder holds something else, or the operator has no money on the network.
        Unavailable: the network does not answer.
    """
    _take_folder(folder)
    keys = create_keys(folder / "keys", private_keys)
    _write_tariffs(folder / TARIFF_FILE, founding.tariffs)
    if external is None:
        founding_chain_id = founding.chain_id
        _init_embedded(folder, founding, keys)
    else:
        founding_chain_id = await _network_id(external, keys, founding.chain_id)
        write_whole(folder / SETTINGS_FILE, external.to_toml())
    access = open_chain_access(folder, founding_chain_id, keys["operator"], external, manual_time=founding.demo)
    try:
        if external is not None:
            await require_money(access.client, keys["operator"].address)
        ledger = Ledger(web3_over(access.client), founding_chain_id, keys["operator"], access.sender)
        contracts = await _deploy(ledger, founding, keys, progress)
    finally:
        await access.client.close()
        access.stop()
    community = Community(
        name=founding.name,
        chain_id=founding_chain_id,
        time_zone=founding.time_zone,
        demo=founding.demo,
        market=founding.market,
        open_ahead=founding.open_ahead,
        run_intervals=founding.run_intervals,
        first_interval=founding.first_interval,
        oracle_quorum=founding.oracle_quorum,
        attestor_quorum=founding.attestor_quorum,
        supplier=keys["supplier"].address,
        contracts=contracts,
        members=founding.members,
    )
    if founding.link is not None:
        add_link_key(folder / "keys", founding.link[1])
        Links.create(folder, link_card(founding.link[0], community, keys))
    seed = private_keys["salt"] if private_keys else None
    create_salts(folder / SALTS, community.salt_subjects(), community.first_interval, seed)
    write_whole(folder / COMMUNITY_FILE, community.to_json())
    (folder / UNFINISHED_MARK).unlink()
    return community


def is_founded(folder: Path) -> bool:
    """Say whether a folder holds a complete community."""
    return (folder / COMMUNITY_FILE).exists()


def load_members(path: Path, unique: Sequence[str] = IDENTIFYING) -> tuple[Member, ...]:
    """Read members from a CSV file with the columns of `Member`; addresses and meters as ``0x`` text, source by name.

    Args:
        path: Of the file.
        unique: What no two of them may share.

    Raises:
        Misconfigured: the file can not be read, or a column or a value is wrong; says which line.
    """
    members: list[Member] = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in MEMBER_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise Misconfigured(f"{path}: the first line lacks {', '.join(missing)}")
            for row in reader:
                try:
                    members.append(_member(row))
                    check_members(members, unique)
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise Misconfigured(f"{path}, line {reader.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path} can not be read: {error}") from error
    return tuple(members)


def _member(row: Mapping[str, str]) -> Member:
    if None in row:
        raise ValueError("there are more values than columns")
    account = address_from_hex(row["account"])
    if row["source"].upper() not in Source.__members__:
        raise ValueError(f"source must be one of {', '.join(name.lower() for name in Source.__members__)}")
    return Member(
        account=account,
        label=row["label"],
        kind=row["kind"],
        meter=meter_pseudonym(row["serial"], account),
        meter_source=row["meter_source"],
        serial=row["serial"],
        source=Source[row["source"].upper()],
        power_max_import_w=int(row["power_max_import_w"]),
        power_max_export_w=int(row["power_max_export_w"]),
        efficiency_permille=int(row.get("efficiency_permille") or 0),
    )


def meter_pseudonym(serial: str, account: Address) -> MeterId:
    """Return the pseudonym of a meter: the hash of its serial number, blinded by the 160 bits of its first account."""
    return MeterId(keccak(b"RESILIA-METER" + account + serial.encode()))


def link_member(private_key: bytes) -> Member:
    """Return the account that trades for whoever is beyond the community's border, with the schedule as its meter."""
    account = KeyPair.from_private(private_key).address
    return Member(
        account=account,
        label=LINK_LABEL,
        kind=LINK_KIND,
        meter=meter_pseudonym(LINK_SERIAL, account),
        meter_source=f"csv:{REGISTERS}",
        serial=LINK_SERIAL,
        source=Source.UNKNOWN,
        power_max_import_w=POWER_W_MAX,
        power_max_export_w=POWER_W_MAX,
    )


def link_card(name: str, community: Community, keys: KeyRing) -> Card:
    """Return who a community is to its neighbours."""
    member = community.link_member()
    assert member is not None, "there is an account for links"
    return Card(
        name,
        community_id(community.chain_id, community.contracts.settlement),
        member.account,
        Attestors(tuple(sorted(pair.address for pair in keys.attestors())), community.attestor_quorum),
        community.market.interval_length_s,
        community.market.tick_ueur_per_kwh,
    )


def _init_embedded(folder: Path, founding: Founding, keys: KeyRing) -> None:
    genesis = Genesis(
        chain_id=founding.chain_id,
        timestamp=founding.founded_at,
        sealer=keys["sealer"].address,
        alloc={keys["operator"].address: OPERATOR_WEI} | {member.account: MEMBER_WEI for member in founding.members},
    )
    init_chain(folder / "chain", genesis)


async def _network_id(external: ExternalChain, keys: KeyRing, chain_id: int) -> int:
    client = ExternalClient(external, Sealer(keys["sealer"].private_key), chain_id)
    try:
        return int(await client.call("eth_chainId"), 16)
    finally:
        await client.close()


async def _deploy(ledger: Ledger, founding: Founding, keys: KeyRing, progress: Progress) -> Contracts:
    """Put the contracts on chain, enrol everybody, and pay the deposits in."""
    steps = 21 + 3 * len(founding.members) + 5 * bool(founding.challenge_window_s) + bool(founding.link)
    done = 0

    def step(what: str) -> None:
        nonlocal done
        done += 1
        progress(what, done, steps)

    operator, supplier = keys["operator"].address, keys["supplier"].address
    token = await ledger.deploy("CommunityToken", operator)
    step("CommunityToken")
    registry = await ledger.deploy("Registry", operator, founding.oracle_quorum, founding.attestor_quorum)
    step("Registry")
    readings = await ledger.deploy("Readings", registry, founding.market.interval_length_s)
    step("Readings")
    settlement = await ledger.deploy("Settlement", token, registry, readings, supplier)
    step("Settlement")
    certificates = await ledger.deploy("Certificates", settlement)
    step("Certificates")
    for pair in keys.oracles():
        await ledger.send("Registry", "addOracle", pair.address, founding.founded_at)
        step("oracle")
    for pair in keys.attestors():
        await ledger.send("Registry", "addAttestor", pair.address, founding.founded_at)
        step("attestor")
    for member in founding.members:
        await ledger.send("Registry", "admitMember", member.account)
        step("member")
        details = meter_tuple(member, founding.founded_at)
        await ledger.send("Registry", "enrolMeter", member.meter, details)
        step("meter")
    total = founding.deposit_neur * len(founding.members) + founding.supplier_deposit_neur + founding.guarantee_neur
    await ledger.send("CommunityToken", "mint", operator, total)
    step("money")
    await ledger.send("CommunityToken", "approve", settlement, total)
    step("money")
    for account in (*(member.account for member in founding.members), supplier):
        amount = founding.supplier_deposit_neur if account == supplier else founding.deposit_neur
        await ledger.send("Settlement", "deposit", account, amount)
        step("deposit")
    await ledger.send("Settlement", "fundGuarantee", founding.guarantee_neur)
    step("guarantee fund")
    contracts = Contracts(token, registry, readings, settlement, certificates)
    if founding.link is not None:
        contracts = replace(contracts, gateway=await ledger.deploy("Gateway", settlement, certificates))
        step("Gateway")
    if founding.challenge_window_s:
        contracts = await _open_disputes(ledger, founding, keys, contracts, step)
    hand_over = founding.members_decide and bool(founding.members)
    return await elect(ledger, founding.council, contracts, step, hand_over=hand_over)


async def _open_disputes(
    ledger: Ledger, founding: Founding, keys: KeyRing, contracts: Contracts, step: Callable[[str], None]
) -> Contracts:
    """Let every run be open to challenge, and post the bond of who signs receipts and answers for runs."""
    operator = keys["node"].address
    disputes = await ledger.deploy("Disputes", contracts.settlement, operator, founding.bond_neur)
    step("Disputes")
    questions = await ledger.deploy(
        "Questions", disputes, contracts.settlement, founding.stake_neur, founding.answer_time_s
    )
    step("Questions")
    await ledger.send("Registry", "openDisputes", disputes, questions, founding.challenge_window_s)
    step("Questions")
    await ledger.send("CommunityToken", "mint", keys["operator"].address, 2 * founding.bond_neur)
    await ledger.send("CommunityToken", "approve", disputes, founding.bond_neur)
    step("bond")
    await ledger.send("Disputes", "postBond", operator, founding.bond_neur)
    step("bond")
    return replace(contracts, disputes=disputes, questions=questions)


def _take_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Misconfigured(f"{folder} is a file: name a new folder")
    if folder.exists() and any(folder.iterdir()):
        if not (folder / UNFINISHED_MARK).exists() or is_founded(folder):
            raise Misconfigured(f"{folder} is not empty: name a new folder")
        # Founding was cut off: what is there was never used by anybody.
        for item in folder.iterdir():
            shutil.rmtree(item) if item.is_dir() else item.unlink()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # meter readings are nobody else's business
    (folder / UNFINISHED_MARK).touch()


def _write_tariffs(path: Path, rows: Sequence[tuple[int, ...]]) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TariffSchedule.COLUMNS)
        writer.writerows(rows)
