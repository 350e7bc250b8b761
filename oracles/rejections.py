"""Why an oracle refuses to sign, or a set of signatures is no quorum: stable codes. No fact holds a measured value."""

from enum import IntEnum


class OracleReject(IntEnum):
    """Codes 3000 to 3999. A code is never reused or renumbered."""

    EQUIVOCATION = 3001
    """The key signed something else for the same meter and interval, interval, or run. Facts: kind, subject, number."""
    BROKEN_CHAIN = 3002
    """A reading does not follow the meter's last signed one. Facts: meter, field, and last when field is a number."""
    NOT_FINAL = 3003
    """A reading that may not settle: estimated, questionable, untrusted, tampered. Facts: meter, interval, quality."""
    QUORUM_NOT_MET = 3004
    """Facts: signers, needed; when oracles were asked also silent, refused and the first refusal in words."""
    UNKNOWN_SIGNER = 3005
    """The signer is none of the members. Facts: signer."""
    BAD_SIGNATURE = 3006
    """Facts: position (in the list), reason."""
    DUPLICATE_SIGNER = 3007
    """The signers do not rise strictly: one signs twice, or the list is out of sequence. Facts: signer."""
    MEASURE_MISMATCH = 3008
    """The raw frame, decoded again, does not say what the reading says. Facts: meter, interval, field."""
    NO_AGREEMENT = 3012
    """Too few oracles say the same of a meter's registers, or of a fact. Facts: meter, or kind, place, at and known_at;
    heard, agree, needed."""
    FACT_MALFORMED = 3013
    """A series of facts, or a document that should hold one, is none. Facts: kind, place, field."""
    FACT_ABSURD = 3014
    """A value that can not be. Facts: kind, place, at."""
    FACT_LATE = 3015
    """A series of a round that is over, or has not begun. Facts: kind, place, known_at, now."""
    FACT_MISSING = 3016
    """Nothing is known of an instant, or only what is too old. Facts: kind, place, at."""
    FACT_MISMATCH = 3017
    """An oracle's own source says something else. Facts: kind, place, at."""
