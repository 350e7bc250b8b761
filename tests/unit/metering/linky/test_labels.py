"""The label tables against a second writing of the specification's lists."""

from metering.linky.labels import DIGITS, HEXADECIMAL, HISTORIQUE, HISTORIQUE_REGISTERS, STANDARD

STANDARD_LENGTHS = """
ADSC 12  VTIC 2  DATE 0h  NGTF 16  LTARF 16  EAST 9  EASF01 9  EASF02 9  EASF03 9  EASF04 9  EASF05 9  EASF06 9
EASF07 9  EASF08 9  EASF09 9  EASF10 9  EASD01 9  EASD02 9  EASD03 9  EASD04 9  EAIT 9  ERQ1 9  ERQ2 9  ERQ3 9  ERQ4 9
IRMS1 3  IRMS2 3  IRMS3 3  URMS1 3  URMS2 3  URMS3 3  PREF 2  PCOUP 2  SINSTS 5  SINSTS1 5  SINSTS2 5  SINSTS3 5
SMAXSN 5h  SMAXSN1 5h  SMAXSN2 5h  SMAXSN3 5h  SMAXSN-1 5h  SMAXSN1-1 5h  SMAXSN2-1 5h  SMAXSN3-1 5h  SINSTI 5
SMAXIN 5h  SMAXIN-1 5h  CCASN 5h  CCASN-1 5h  CCAIN 5h  CCAIN-1 5h  UMOY1 3h  UMOY2 3h  UMOY3 3h  STGE 8
DPM1 2h  FPM1 2h  DPM2 2h  FPM2 2h  DPM3 2h  FPM3 2h  MSG1 32  MSG2 16  PRM 14  RELAIS 3  NTARF 2  NJOURF 2
NJOURF+1 2  PJOURF+1 98  PPOINTE 98
SINST1 5  SMAXN 5h  SMAXN-1 5h
"""
HISTORIQUE_LENGTHS = """
ADCO 12  OPTARIF 4  ISOUSC 2  BASE 9  HCHC 9  HCHP 9  EJPHN 9  EJPHPM 9  BBRHCJB 9  BBRHPJB 9  BBRHCJW 9  BBRHPJW 9
BBRHCJR 9  BBRHPJR 9  PEJP 2  PTEC 4  DEMAIN 4  IINST 3  IINST1 3  IINST2 3  IINST3 3  ADPS 3  ADIR1 3  ADIR2 3
ADIR3 3  IMAX 3  IMAX1 3  IMAX2 3  IMAX3 3  PMAX 5  PAPP 5  HHPHC 1  MOTDETAT 6  PPOT 2
"""


def listed(text: str) -> dict[str, tuple[int, bool]]:
    words = text.split()
    return {
        name: (int(size.rstrip("h")), size.endswith("h")) for name, size in zip(words[::2], words[1::2], strict=True)
    }


def test_standard_labels() -> None:
    assert {name: (label.length, label.stamped) for name, label in STANDARD.labels.items()} == listed(STANDARD_LENGTHS)


def test_historique_labels() -> None:
    written = {name: (label.length, label.stamped) for name, label in HISTORIQUE.labels.items()}
    assert written == listed(HISTORIQUE_LENGTHS)


def test_what_a_sample_rests_on_holds_digits_only() -> None:
    """Every flip of bit 6 passes the checksum, and turns a digit into a letter."""
    rested_on = ["ADSC", "EAST", "EAIT", *(f"EASF{i:02}" for i in range(1, 11)), *(f"EASD0{i}" for i in range(1, 5))]
    assert all(STANDARD.labels[name].charset is DIGITS for name in rested_on)
    assert STANDARD.labels["STGE"].charset is HEXADECIMAL
    registers = ["ADCO", *(name for names in HISTORIQUE_REGISTERS.values() for name in names)]
    assert all(HISTORIQUE.labels[name].charset is DIGITS for name in registers)


def test_speeds() -> None:
    assert (STANDARD.baud, HISTORIQUE.baud) == (9600, 1200)
