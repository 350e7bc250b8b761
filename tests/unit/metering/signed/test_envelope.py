from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from metering.protocols import PROTOCOLS
from metering.rejections import MeteringReject
from metering.signed.device_key import fingerprint
from metering.signed.encoder import seal_envelope
from metering.signed.envelope import EnvelopeSplitter
from metering.sources.simulators.kinds import KINDS, Registers
from tests.support.meters import NOON
from tests.support.telegrams import code_of, decoded, single_flips

KEY = derive_private_key(0xACE, SECP256R1())
FRAME = KINDS["sml"].telegram(KINDS["sml"].serial, Registers(NOON, 12_345_678, 4_567, 500))
ENVELOPE = seal_envelope("sml", FRAME, NOON, 7, KEY)
decode = PROTOCOLS["signed-sml"].decode


def test_the_registers_are_the_meters_and_the_name_is_the_keys() -> None:
    sample = decoded(decode(ENVELOPE, NOON + 2))
    assert (sample.import_index_wh, sample.export_index_wh) == (12_345_678, 4_567)
    assert sample.serial == f"{KINDS['sml'].serial}@{fingerprint(KEY.public_key())}"
    # A meter without a clock is timed by when its frame reached the gateway.
    assert (sample.metered_at, sample.received_at) == (NOON, NOON + 2)
    assert sample.raw == ENVELOPE


def test_every_flip_of_one_bit_is_seen() -> None:
    for damaged in single_flips(ENVELOPE):
        assert code_of(decode(damaged, NOON)) in (MeteringReject.TORN_FRAME, MeteringReject.SIGNATURE)


def test_an_envelope_of_another_protocol_is_refused() -> None:
    assert code_of(PROTOCOLS["signed-linky"].decode(ENVELOPE, NOON)) == MeteringReject.UNKNOWN_LABEL


def test_a_bad_frame_stays_bad_in_its_envelope() -> None:
    torn = seal_envelope("sml", FRAME[:-1] + b"\0", NOON, 7, KEY)
    assert code_of(decode(torn, NOON)) == MeteringReject.CHECKSUM


def test_envelopes_are_cut_in_pieces_of_any_size() -> None:
    stream = b"RGE" + ENVELOPE + b"noise" + ENVELOPE
    for size in (1, 5, len(stream)):
        splitter = EnvelopeSplitter()
        found = [each for at in range(0, len(stream), size) for each in splitter.feed(stream[at : at + size])]
        assert found == [ENVELOPE, ENVELOPE]
