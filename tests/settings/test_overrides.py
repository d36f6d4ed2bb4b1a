"""The environment lies over the file, and secret files over both."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.errors import ConfigError
from service.settings.load import load

MQTT = """
station: s
sections: {a: {volume_m3: 1}}
channels: {p: {section: a, kind: pressure, unit: mmHg}}
mqtt: {host: file, port: 1, username: me}
"""


@pytest.fixture
def config(write: Callable[[str], Path]) -> Path:
    return write(MQTT)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    directory = tmp_path / "secrets"
    directory.mkdir()
    (directory / "mqtt_password").write_text("from a file\n")
    (directory / "influx_token").write_text("token")
    (directory / "http_port").write_text("1")
    (directory / "somebody_elses").write_text("x")
    return directory


def secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def test_a_variable_replaces_one_key_and_leaves_its_neighbours(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HULLWATCH_MQTT__HOST", "variable")
    monkeypatch.setenv("HULLWATCH_HTTP__PORT", "80")
    read = load(config)
    assert read.mqtt is not None
    assert (read.mqtt.host, read.mqtt.port, read.http.port) == ("variable", 1, 80)


def test_an_empty_variable_sets_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HULLWATCH_MQTT__HOST", "")
    monkeypatch.setenv("HULLWATCH_NONSENSE", "")
    read = load(config)
    assert read.mqtt is not None
    assert read.mqtt.host == "file"


def test_variables_can_bring_a_whole_part(
    config: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"URL": "http://db:8086", "ORG": "o", "BUCKET": "b"}.items():
        monkeypatch.setenv(f"HULLWATCH_INFLUX__{key}", value)
    read = load(config, secrets_dir=secrets)
    assert read.influx is not None
    assert (read.influx.url, secret(read.influx.token)) == ("http://db:8086", "token")


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("HULLWATCH_MQTTT__HOST", "sets no key there is", "did you mean 'mqtt'?"),
        ("HULLWATCH_MQTT__HOSTT", "there is no such key", "did you mean 'host'?"),
        (
            "HULLWATCH_STATION__NAME",
            "sets no key there is",
            "station has no keys of its own; set HULLWATCH_STATION",
        ),
        (
            "HULLWATCH_HTTP__PORT",
            "must be an integer, not 'x'",
            "needed here: port to listen on; 0 = any free one",
        ),
    ],
)
def test_a_faulty_variable_is_told_by_its_name(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str, problem: str, remedy: str
) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigError) as caught:
        load(config)
    (fault,) = caught.value.faults
    assert fault.place == f"environment variable {name}"
    assert (fault.problem, fault.remedy) == (problem, remedy)


def test_a_part_in_a_variable_that_is_not_json_is_told(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HULLWATCH_RULES", "[")
    with pytest.raises(ConfigError, match=r'environment: .*"rules".*write the value as JSON'):
        load(config)


def test_secret_files_lie_over_variables(
    config: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HULLWATCH_MQTT__PASSWORD", "variable")
    before = load(config).mqtt
    after = load(config, secrets_dir=secrets).mqtt
    assert before is not None
    assert after is not None
    assert (secret(before.password), secret(after.password)) == ("variable", "from a file")


@pytest.mark.parametrize("name", ["HULLWATCH_SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_the_secrets_directory_can_come_from_the_environment(
    config: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(secrets))
    read = load(config)
    assert read.mqtt is not None
    assert secret(read.mqtt.password) == "from a file"
    assert "from a file" not in repr(read)


def test_secret_files_set_secrets_only_and_bring_no_part(config: Path, secrets: Path) -> None:
    """The directory may be shared with others, and not every config uses every secret."""
    read = load(config, secrets_dir=secrets)
    assert read.http.port == 9464
    assert read.influx is None


def test_a_secrets_directory_that_is_not_there_is_told(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"secrets directory .*none.*does not exist"):
        load(config, secrets_dir=tmp_path / "none")


def test_a_password_needs_a_user(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MQTT 3.1.1 forbids the one without the other."""
    monkeypatch.setenv("HULLWATCH_MQTT__PASSWORD", "secret")
    with pytest.raises(ConfigError, match="mqtt: has a password but no username; add username"):
        load(write(MQTT.replace(", username: me", "")))


def test_a_token_of_the_console_counts_where_the_file_says_nothing_of_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "http_operator_token").write_text("act-2")
    monkeypatch.setenv("HULLWATCH_SECRETS_DIR", str(folder))
    token = load(Path(__file__).parent / "good" / "minimal.yaml").http.operator_token
    assert token is not None
    assert token.get_secret_value() == "act-2"
