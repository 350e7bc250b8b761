import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, SECP256R1, derive_private_key

from metering.protocols import PROTOCOLS
from metering.readings import TrustClass
from metering.rejections import MeteringReject
from metering.signed.device_key import fingerprint
from metering.signed.encoder import encode_ocmf, public_der
from metering.signed.ocmf import decode_ocmf, with_key
from tests.support.meters import NOON
from tests.support.telegrams import code_of, decoded

KEY = derive_private_key(0xACE, SECP256R1())
RECORD = encode_ocmf("EVSE-7", NOON, 12_345_678, 4_567, KEY)
KEPT = with_key(RECORD, public_der(KEY))


def resigned(payload: str) -> bytes:
    """Return a record with another payload, signed again."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    signature = KEY.sign(payload.encode(), ECDSA(SHA256())).hex()
    return with_key(f'OCMF|{payload}|{{"SD":"{signature}"}}', public_der(KEY))


def test_a_meter_that_signs_is_believed_most() -> None:
    sample = decoded(decode_ocmf(KEPT, NOON + 3))
    assert (sample.import_index_wh, sample.export_index_wh) == (12_345_678, 4_567)
    assert sample.serial == f"EVSE-7@{fingerprint(KEY.public_key())}"
    assert (sample.metered_at, sample.received_at, sample.clock_degraded) == (NOON, NOON + 3, False)
    assert sample.raw == KEPT
    assert PROTOCOLS["ocpp-ocmf"].trust == TrustClass.A


def test_one_changed_digit_is_no_signature() -> None:
    forged = KEPT.replace(b"12345.678", b"12345.679")
    assert forged != KEPT
    assert code_of(decode_ocmf(forged)) == MeteringReject.SIGNATURE


def test_another_key_or_curve_is_no_signature() -> None:
    other = with_key(RECORD, public_der(derive_private_key(0xBEE, SECP256R1())))
    assert code_of(decode_ocmf(other)) == MeteringReject.SIGNATURE
    curve = with_key(RECORD, public_der(derive_private_key(0xACE, SECP256K1())))
    assert code_of(decode_ocmf(curve)) == MeteringReject.SIGNATURE


def test_white_space_inside_is_signed_too() -> None:
    assert code_of(decode_ocmf(KEPT.replace(b'"FV":', b'"FV": '))) == MeteringReject.SIGNATURE


READING = '{"TM":"2026-05-02T12:00:00,000+0200 S","TX":"C","RV":1.5,"RI":"1-b:1.8.0","RU":"kWh","ST":"G"}'


@pytest.mark.parametrize(
    ("change", "to", "code"),
    [
        ('"ST":"G"', '"ST":"M"', MeteringReject.NO_INDEX),
        ('"RI":"1-b:1.8.0"', '"RI":"01-00:B2.08.00*FF"', MeteringReject.NO_INDEX),
        ('"RU":"kWh"', '"RU":"kvarh"', MeteringReject.BAD_DIGITS),
        ('"RV":1.5', '"RV":-1.5', MeteringReject.BAD_DIGITS),
        ('"RV":1.5', '"RV":true', MeteringReject.BAD_DIGITS),
        ("2026-05-02", "2026-02-30", MeteringReject.BAD_HORODATE),
        ('"GS":"7"', '"GS":""', MeteringReject.MISSING_GROUP),
        ('"RD":', '"RX":', MeteringReject.NO_INDEX),
        ('"GS":"7"', '"GS":"7","GS":"8"', MeteringReject.TORN_FRAME),
    ],
)
def test_what_is_signed_may_still_be_no_register(change: str, to: str, code: MeteringReject) -> None:
    payload = f'{{"FV":"1.2","GS":"7","RD":[{READING}]}}'
    assert decoded(decode_ocmf(resigned(payload))).import_index_wh == 1_500
    if code == MeteringReject.TORN_FRAME:
        broken = KEPT.replace(b'"GS":"EVSE-7"', b'"GS":"EVSE-7","GS":"8"')
        assert code_of(decode_ocmf(broken)) == code
        return
    assert change in payload
    assert code_of(decode_ocmf(resigned(payload.replace(change, to)))) == code


def test_half_a_record_is_torn() -> None:
    for length in range(0, len(RECORD) + 1, 7):
        assert code_of(decode_ocmf(RECORD[:length].encode())) == MeteringReject.TORN_FRAME


def test_a_meter_of_sessions_may_state_its_register_besides() -> None:
    """As the BSM-WS36A does."""
    reading = '{"TM":"2021-10-07T15:38:05,000+0200 S","TX":"E","RV":1350,"RI":"1-0:1.8.0*198","RU":"Wh","XV":77390,'
    reading += '"XI":"1-0:1.8.0*255","XU":"Wh","XT":4,"RT":"AC","EF":"","ST":"G"}'
    sample = decoded(decode_ocmf(resigned(f'{{"MS":"001BZR1521070006","RD":[{reading}]}}')))
    assert (sample.import_index_wh, sample.metered_at) == (77_390, 1_633_613_885)
    doubted = reading.replace('"ST":"G"', '"ST":"E"')
    assert code_of(decode_ocmf(resigned(f'{{"MS":"1","RD":[{doubted}]}}'))) == MeteringReject.NO_INDEX


@pytest.mark.parametrize(
    ("codes", "energy_wh"),
    [(("1.8.1",), 5), (("1.8.1", "1.8.2"), 10), (("1.8.1", "1.8.0"), 5), (("1.8.0", "1.8.1", "1.8.2"), 5)],
)
def test_the_total_counts_else_all_tariffs(codes: tuple[str, ...], energy_wh: int) -> None:
    stated = ",".join(READING.replace("1-b:1.8.0", f"1-0:{code}").replace("1.5", "0.005") for code in codes)
    assert decoded(decode_ocmf(resigned(f'{{"MS":"1","RD":[{stated}]}}'))).import_index_wh == energy_wh
