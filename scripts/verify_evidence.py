"""Check evidence of certificates of origin: with no node and no network, from files only.

    python -m scripts.verify_evidence certificate.json --sealer 0x…

Prints each link of the chain from the certificate to the meter's signed reading, and what no file can prove.
Exit code: 0 when every link of every file holds, 3 when one does not or a file is no evidence, 2 for wrong usage.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from energy.identity import address_from_hex, digest_from_hex
from oracles.evidence import Link, LinkName, verify_text

EXIT_BROKEN: Final = 3
READ_BYTES_MAX: Final = 2 << 20
"""More than any evidence has: the check refuses what is too large, and nobody can fill the memory."""

_T = TypeVar("_T")

_LANGUAGES: Final = ("en", "fr")

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"holds": "ok", "broken": "FAIL", "unknown": "not checked"},
    "fr": {"holds": "ok", "broken": "ÉCHEC", "unknown": "non vérifié"},
}

_NOT_CHECKED: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "meter": "that the meter is honest, and that no key was stolen",
        "sealer": "that the sealer is the community's: give --sealer, or --block-hash",
        "signers": "that contracts, oracles and attestors are the community's: compare them with its registry",
        "later": "what became of the certificate after this run: sold on, or claimed",
    },
    "fr": {
        "meter": "que le compteur est honnête, et qu'aucune clé n'a été volée",
        "sealer": "que le scelleur est celui de la communauté : donnez --sealer, ou --block-hash",
        "signers": "que contrats, oracles et attestateurs sont ceux de la communauté : comparez avec son registre",
        "later": "ce que le certificat est devenu après ce règlement : cédé, ou utilisé",
    },
}

_FRENCH: Final[Mapping[str, str]] = {
    "schema": "le fichier est complet et du schéma {schema}",
    "certificate-leaf": "le certificat {number} est l'un du règlement {run}",
    "run-signatures": "le règlement {run} est signé par {signers}",
    "run-log": "le contrat {contract} a accepté le règlement {run}",
    "run-block": "il l'a fait dans le bloc {number}, {block_hash}, scellé par {sealer}",
    "reading-leaf": "le relevé du compteur {meter} est l'un de l'intervalle {interval}",
    "reading-signatures": "le relevé est signé par {signers}",
    "attestation-signatures": "les relevés de l'intervalle sont attestés par {signers}",
    "attestation-log": "le contrat {contract} a accepté l'attestation de l'intervalle {interval}",
    "attestation-block": "il l'a fait dans le bloc {number}, {block_hash}, scellé par {sealer}",
    "run-history": "le règlement {run} repose sur cette attestation même",
    "coverage": "ses {energy_wh} Wh tiennent dans ce que le compteur {meter} a injecté dans l'intervalle {interval}",
    "block-order": "le compteur a été attesté avant le règlement",
    "NOT_JSON": "ce n'est pas du JSON en UTF-8",
    "TOO_LARGE": "c'est plus grand que toute preuve, qui a {bytes_max} octets au plus",
    "REPEATED_KEY": "la clé {key} est deux fois dans un objet",
    "OTHER_SCHEMA": "ce n'est pas du schéma {schema}",
    "NOT_AN_OBJECT": "{where} n'est pas un objet",
    "NOT_A_LIST": "{where} n'est pas une liste",
    "WRONG_KEYS": "{where} n'a pas exactement ses clés ; absentes : {missing} ; inconnues : {unknown}",
    "NOT_AN_INTEGER": "{where} n'est pas un entier de {least} à {most}, en nombre ou, dès 2^53, en texte",
    "NOT_BYTES": "{where} n'est pas 0x suivi de chiffres hexadécimaux minuscules (attendus : {digits})",
    "NOT_UNDER_ROOT": "l'objet, son sel et sa preuve ne mènent pas à la racine {root}",
    "NO_SIGNATURE": "personne n'a signé",
    "NO_VALID_SIGNATURE": "la signature {position} n'est pas valable",
    "OTHER_SIGNER": "la signature {position} est de {found}, ou porte sur autre chose ; le fichier dit {expected}",
    "SIGNERS_NOT_ASCENDING": "les signataires ne sont pas en ordre croissant, ou l'un signe deux fois",
    "NO_HEADER": "l'en-tête n'en est pas un",
    "NO_RECEIPT": "la preuve ne mène pas de la racine de l'en-tête au reçu de la transaction {transaction}",
    "TRANSACTION_FAILED": "la transaction {transaction} a échoué",
    "NO_LOG": "le reçu n'a pas de journal {log} bien formé",
    "OTHER_CONTRACT": "le journal vient de {found}, non de {expected}",
    "OTHER_EVENT": "le journal n'est pas un {event}",
    "OTHER_VALUE": "l'événement {event} a une autre valeur de {field}",
    "OTHER_HASH": "l'en-tête a l'empreinte {found}, non {expected}",
    "OTHER_NUMBER": "l'en-tête est du bloc {found}, non {expected}",
    "NO_SEAL": "le sceau n'est pas une signature valable",
    "OTHER_SEALER": "le sceau est de {found}, non de {expected}",
    "UNTRUSTED_SEALER": "le bloc est scellé par {found}, non par le scelleur donné, {expected}",
    "UNTRUSTED_BLOCK": "le bloc est {found}, non celui donné, {expected}",
    "HISTORY_LENGTH": "le règlement compte {expected} intervalles après celui-ci, le fichier {found}",
    "OTHER_HISTORY": "l'empreinte des relevés du règlement ne découle pas de cette attestation",
    "OTHER_DEVICE": "certificat et relevé sont de deux compteurs",
    "OTHER_INTERVAL": "certificat, relevé et attestation sont de plusieurs intervalles",
    "OUT_OF_RANGE": "le certificat dépasse ce que son compteur a injecté",
    "NOT_FINAL": "le relevé est estimé, douteux ou altéré, et ne peut rien certifier",
    "OUTSIDE_RUN": "l'intervalle {interval} n'est pas du règlement",
    "TOTALS": "les totaux du relevé, de l'attestation et du règlement se contredisent",
    "WRONG_ORDER": "le règlement précède l'attestation de ses relevés, ou est dans un autre bloc du même numéro",
}
"""French of every text: of a link that holds by its name, of a broken one by its fault."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    not_checked = ["meter", "signers", "later"]
    if options.sealer is None and options.block_hash is None:
        not_checked.insert(1, "sealer")
    remarks = [_NOT_CHECKED[options.lang][key] for key in not_checked]
    all_hold = True
    for name in options.files:
        try:
            text = _read(name)
        except OSError as error:
            _parser().error(f"{name}: {error.strerror}")
        links = verify_text(text, trusted_sealer=options.sealer, trusted_block_hash=options.block_hash)
        all_hold &= all(link.ok for link in links)
        print(_as_json(name, links, remarks, options.lang) if options.json else _as_text(links, remarks, options.lang))
    return 0 if all_hold else EXIT_BROKEN


def describe(link: Link, language: str) -> str:
    """Return in a language what a link proves, or how it is broken."""
    if language == "fr":
        return _FRENCH[link.fault.name if link.fault else link.name].format(**link.facts)
    return link.detail


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify_evidence", description="Check evidence of certificates of origin.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="evidence file; - for standard input")
    parser.add_argument("--sealer", type=_argument(address_from_hex), help="address that must have sealed the blocks")
    parser.add_argument(
        "--block-hash", type=_argument(digest_from_hex), help="hash of the block in which the run was settled"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file and line")
    parser.add_argument("--lang", choices=_LANGUAGES, default=_language(), help="language of the sentences")
    return parser


def _argument(convert: Callable[[str], _T]) -> Callable[[str], _T]:
    def read(text: str) -> _T:
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _language() -> str:
    chosen = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "fr" if chosen.startswith("fr") else "en"


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(READ_BYTES_MAX)
    with Path(name).open("rb") as file:
        return file.read(READ_BYTES_MAX)


def _as_text(links: Sequence[Link], remarks: Sequence[str], language: str) -> str:
    words = _WORDS[language]
    width = max(len(name) for name in LinkName)
    lines = [
        f"{words['holds' if link.ok else 'broken']:<5}  {link.name:<{width}}  {describe(link, language)}"
        for link in links
    ]
    return "\n".join([*lines, *(f"{words['unknown']}: {remark}" for remark in remarks)])


def _as_json(name: str, links: Sequence[Link], remarks: Sequence[str], language: str) -> str:
    return json.dumps(
        {
            "file": name,
            "ok": all(link.ok for link in links),
            "links": [
                {
                    "name": link.name,
                    "ok": link.ok,
                    "fault": link.fault.name if link.fault else None,
                    "detail": describe(link, language),
                }
                for link in links
            ],
            "notChecked": remarks,
        },
        ensure_ascii=False,
    )


if __name__ == "__main__":
    sys.exit(main())
