import pytest

from node.cli.failure import ExitCode, Failure
from node.cli.session import RPC_URL_DEFAULT, open_session
from node.i18n import language


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "--rpc", "http://h:1", "order", "list", "--limit", "3"],
        ["order", "--rpc=http://h:1", "list", "--limit", "3", "--json"],
        ["order", "list", "--json", "--limit", "3", "--rpc", "http://h:1"],
    ],
)
def test_shared_options_may_stand_anywhere(arguments: list[str]) -> None:
    session, rest = open_session(arguments, {})
    assert (session.as_json, session.rpc_url, rest) == (True, "http://h:1", ["order", "list", "--limit", "3"])


def test_the_command_line_goes_before_the_environment() -> None:
    environment = {"RESILIA_RPC": "http://env:1"}
    assert open_session([], {})[0].rpc_url == RPC_URL_DEFAULT
    assert open_session([], environment)[0].rpc_url == "http://env:1"
    assert open_session(["--rpc", "http://h:2"], environment)[0].rpc_url == "http://h:2"


def test_leaves_alone_what_follows_two_dashes() -> None:
    session, rest = open_session(["cert", "verify", "--", "--json"], {})
    assert (session.as_json, rest) == (False, ["cert", "verify", "--", "--json"])


def test_similar_options_are_not_taken() -> None:
    assert open_session(["demo", "--rpc-port", "1"], {})[1] == ["demo", "--rpc-port", "1"]


def test_speaks_the_language_that_is_asked_for() -> None:
    open_session([], {"LANG": "fr_FR.UTF-8"})
    assert language() == "fr"
    open_session(["--lang", "en"], {"LANG": "fr_FR.UTF-8"})
    assert language() == "en"


@pytest.mark.parametrize("arguments", [["--rpc"], ["--lang"], ["--lang", "de"], ["--lang=xx"]])
def test_refuses_a_missing_value_and_an_unknown_language(arguments: list[str]) -> None:
    with pytest.raises(Failure) as failure:
        open_session(arguments, {})
    assert failure.value.exit_code == ExitCode.USAGE
    assert failure.value.advice
