"""The guest of the demo: an account for whoever watches. No agent trades for it, and its meter counts nothing."""

from dataclasses import dataclass
from typing import Final, Self

from market.metered import Source
from node.coop.community import Member
from node.coop.founding import meter_pseudonym
from node.demo.residents import CSV_FILE, HOME_POWER_MAX_W, seeded
from node.i18n import mark
from node.signing.keys import KeyPair

GUEST_LABEL: Final = mark("Guest")


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever watches."""

    key: KeyPair
    serial: str

    @classmethod
    def of(cls, seed: int) -> Self:
        """Return the guest of a seed."""
        digits = f"{int.from_bytes(seeded(seed, GUEST_LABEL, 'serial')[:4], 'big') % 10**6:06d}"
        return cls(KeyPair.from_private(seeded(seed, GUEST_LABEL, "key")), f"SC-GUEST-{digits}")

    def member(self) -> Member:
        """Return the guest as a member of the community."""
        return Member(
            account=self.key.address,
            label=GUEST_LABEL,
            kind="home",
            meter=meter_pseudonym(self.serial, self.key.address),
            meter_source=f"csv:{CSV_FILE}",
            serial=self.serial,
            source=Source.UNKNOWN,
            power_max_import_w=HOME_POWER_MAX_W,
            power_max_export_w=HOME_POWER_MAX_W,
            efficiency_permille=0,
        )
