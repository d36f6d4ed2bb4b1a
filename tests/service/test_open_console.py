"""What an open console means is said before anybody finds out."""

import pytest
from click.testing import CliRunner

from service.app import App, access_of
from service.commands.check import check
from tests.service.conftest import Told, logged, running

READ, ACT = "may read all", "nobody may act on alerts"


@pytest.mark.parametrize(
    ("host", "secrets", "said"),
    [
        ("127.0.0.1", (), ()),
        ("localhost", ("http_viewer_token",), ()),
        ("0.0.0.0", (), (READ, ACT)),
        ("0.0.0.0", ("http_viewer_token",), (ACT,)),
        ("iss.example", ("http_operator_token",), (READ,)),
        ("::", ("http_viewer_token", "http_operator_token"), ()),
    ],
)
def test_check_names_each_token_that_is_missing_with_its_secret_file(
    write_config, tmp_path, host, secrets, said
):
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in secrets:
        (folder / name).write_text("a-token", encoding="utf-8")
    path = write_config(http={"host": host, "port": 0})
    result = CliRunner().invoke(check, ["-c", str(path), "--secrets-dir", str(folder)])
    assert result.exit_code == 0
    first, *notes = result.stdout.splitlines()
    assert ": no fault; " in first
    assert len(notes) == 2 * len(said)
    for note, remedy, expected in zip(notes[::2], notes[1::2], said, strict=True):
        assert note.startswith(f"http.host {host}: ")
        assert expected in note
        assert "secret file http_" in remedy
    assert "a-token" not in result.stdout


async def test_the_log_says_so_when_the_daemon_begins(settings, log_lines):
    app = App(settings(http={"host": "0.0.0.0", "port": 0}), sources=Told([]).sources)
    async with running(app):
        line = await logged(log_lines, "console.open")
    warnings = access_of(settings(http={"host": "0.0.0.0", "port": 0}).http).warnings()
    assert (line["reason"], line["remedy"]) == warnings[0]
    assert line["level"] == "warning"
