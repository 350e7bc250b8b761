"""What was decided about the registry, in words, for the page and the command line.

Source: the events of `contracts/src/interfaces/IRegistry.sol`. Units: UTC epoch seconds, s.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from node.i18n import duration, gettext, local_time, mark

SENTENCES: Final[Mapping[str, str]] = {
    "MemberAdmitted": mark("{account} became a member."),
    "MemberRemoved": mark("{account} is no member any more."),
    "MeterEnrolled": mark("A meter of {account} was enrolled."),
    "MeterRetired": mark("The meter {meter} counts until {validTo}."),
    "DeviceDescribed": mark("The device behind the meter {meter} was described."),
    "CollectorSet": mark("Whether {account} may collect fees was set."),
    "TermsAnnounced": mark("New terms hold from {validFrom} on: {link}"),
    "GuardiansNamed": mark("{account} named the guardians of its key."),
    "RotationApproved": mark("{guardian} agrees that {successor} takes the place of {account}."),
    "RotationPending": mark("{successor} takes the place of {account} at {readyAt}, unless its key objects."),
    "RotationCancelled": mark("{account} keeps its key."),
    "AccountRotated": mark("{successor} has the place of {account}."),
    "OracleAdded": mark("The oracle {oracle} may sign from {validFrom} on."),
    "OracleRetired": mark("The oracle {oracle} may sign until {validTo}."),
    "AttestorAdded": mark("The attestor {attestor} may sign from {validFrom} on."),
    "AttestorRetired": mark("The attestor {attestor} may sign until {validTo}."),
    "DisputesOpened": mark("Runs can be disputed for {challengeWindow}."),
    "QuorumsSet": mark("Signatures needed for a reading: {oracleQuorum}, for a run: {attestorQuorum}."),
    "OwnershipTransferStarted": mark("The registry is offered to {newOwner}."),
    "OwnershipTransferred": mark("The registry belongs to {newOwner}."),
}
_INSTANTS: Final = ("validFrom", "validTo", "readyAt")


def sentence(decision: Mapping[str, Any], zone: str, named: Callable[[str], str]) -> str:
    """Return a decision in the language of the running context.

    Args:
        decision: An item of `energy_getDecisions`.
        zone: Name of the community's time zone.
        named: How an account, a key or a meter is called.
    """
    facts = {name: _shown(name, value, zone, named) for name, value in decision["facts"].items() if name != "items"}
    return gettext(SENTENCES[decision["decision"]]).format(**facts)


def with_cooperative(contracts: Mapping[str, str], named: Callable[[str], str]) -> Callable[[str], str]:
    """Return how accounts are called where one of them is the cooperative.

    Args:
        contracts: Of the node's status.
        named: How the others are called.
    """
    cooperative = contracts.get("cooperative")
    return lambda name: gettext("the cooperative") if name == cooperative else named(name)


def _shown(name: str, value: Any, zone: str, named: Callable[[str], str]) -> str:
    if name in _INSTANTS:
        return local_time(value, zone)
    if name == "challengeWindow":
        return duration(value)
    return named(value) if isinstance(value, str) and name != "link" else str(value)
