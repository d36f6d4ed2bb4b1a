import getpass
import stat
import subprocess

import pytest
import yaml

from service.settings.load import load
from tests.deploy.conftest import DEPLOY, run, tool
from tests.ports import free_port
from tests.sources.conftest import BrokerProcess

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
UNIT = (DEPLOY / "systemd/hullwatch.service").read_text()


def test_the_dockerfile_has_no_lint():
    run("hadolint", DEPLOY / "Dockerfile")


def test_everything_the_dockerfile_copies_is_in_the_repository():
    lines = [
        line.split()[1:-1]
        for line in (DEPLOY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
    ]
    missing = [name for names in lines for name in names if not (DEPLOY.parent / name).exists()]
    assert not missing


def test_the_compose_file_fits_its_schema():
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


def test_every_service_restarts_and_pins_its_image():
    for name, service in COMPOSE["services"].items():
        assert service["restart"] == "unless-stopped", name
        assert "build" in service or ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_every_folder_and_file_that_compose_mounts_is_in_the_repository():
    for name, service in COMPOSE["services"].items():
        for volume in service["volumes"]:
            outside = volume.split(":")[0]
            if outside.startswith("."):
                assert (DEPLOY / outside).exists(), f"{name} mounts {outside}"
            else:
                assert outside in COMPOSE["volumes"], f"{name} uses volume {outside}"


def test_nothing_but_this_machine_reaches_a_port():
    ports = [port for service in COMPOSE["services"].values() for port in service["ports"]]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_daemon_understands_the_environment_and_secrets_that_compose_gives_it(
    tmp_path, monkeypatch
):
    service = COMPOSE["services"]["hullwatch"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    for name in service["secrets"]:
        (tmp_path / name).write_text(f"the {name}")
    settings = load(DEPLOY.parent / "config/iss.yaml", secrets_dir=tmp_path)
    assert settings.http.host == "0.0.0.0"
    assert settings.mqtt is not None
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.get_secret_value() == "the mqtt_password"
    assert settings.influx is not None
    assert settings.influx.token.get_secret_value() == "the influx_token"


def test_the_secret_script_makes_what_compose_needs_and_keeps_what_is_there(tmp_path):
    script = tmp_path / "create-secrets.sh"
    script.write_bytes((DEPLOY / "create-secrets.sh").read_bytes())
    folder = tmp_path / "secrets"
    subprocess.run(["/bin/sh", str(script)], check=True, capture_output=True, timeout=30)
    first = {file.name: file.read_text() for file in folder.iterdir()}
    subprocess.run(["/bin/sh", str(script)], check=True, capture_output=True, timeout=30)
    assert first == {file.name: file.read_text() for file in folder.iterdir()}
    assert set(first) == {secret["file"].split("/")[-1] for secret in COMPOSE["secrets"].values()}
    assert all(len(value) == 64 for value in first.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_alertmanager_config_is_valid():
    run("amtool", "check-config", DEPLOY / "alertmanager/alertmanager.yml")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=HullwatchWatchdog severity=info", "dead-mans-switch"),
        ("alertname=HullwatchEmergency severity=critical", "on-call"),
        ("alertname=HullwatchLeakGrowth severity=warning", "operators"),
        ("alertname=HullwatchAdvisory severity=info", "log"),
    ],
)
def test_alerts_reach_the_people_their_severity_is_for(labels, receiver):
    config = f"--config.file={DEPLOY / 'alertmanager/alertmanager.yml'}"
    told = run("amtool", "config", "routes", "test", config, *labels.split())
    assert told.split()[0] == receiver


def installed_unit(tmp_path):
    """Return the unit with a program that exists wherever this test runs."""
    unit = tmp_path / "hullwatch.service"
    unit.write_text(UNIT.replace("/opt/hullwatch/bin/hullwatch", "/bin/true"))
    return unit


def test_the_systemd_unit_is_valid(tmp_path):
    assert run("systemd-analyze", "verify", installed_unit(tmp_path)) == ""


def test_the_systemd_unit_exposes_little(tmp_path):
    run("systemd-analyze", "security", "--offline=yes", "--threshold=20", installed_unit(tmp_path))


@pytest.fixture
def broker(tmp_path):
    """Run a real mosquitto on the shipped config; yield the client options that reach it."""
    port = free_port()
    passwords = tmp_path / "passwords"
    run("mosquitto_passwd", "-b", "-c", passwords, "hullwatch", "secret")
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        (DEPLOY / "mosquitto/mosquitto.conf")
        .read_text()
        .replace("listener 1883", f"listener {port} 127.0.0.1\nuser {getpass.getuser()}")
        .replace("/mosquitto/data/passwords", str(passwords))
        .replace("/mosquitto/data/", f"{tmp_path}/")
    )
    running = BrokerProcess(
        [tool("mosquitto"), "-c", str(config)], port, "5", tmp_path / "mosquitto.log"
    )
    running.start()
    yield ["-h", "127.0.0.1", "-p", str(port)]
    running.stop()


def test_the_shipped_broker_config_keeps_every_message_for_a_daemon_that_is_away(broker):
    known = [*broker, "-u", "hullwatch", "-P", "secret", "-q", "1", "-t", "iss/zvezda/pressure"]
    session = ["-c", "-i", "hullwatch"]
    messages = "".join(f"{n}\n" for n in range(1500))  # mosquitto's own limit is 1000
    run("mosquitto_sub", *known, *session, "-E")
    subprocess.run(
        [tool("mosquitto_pub"), *known, "-l"], input=messages, text=True, check=True, timeout=60
    )
    assert run("mosquitto_sub", *known, *session, "-C", "1500", "-W", "30") == messages


def test_the_shipped_broker_config_lets_nobody_in_without_a_password(broker):
    stranger = [tool("mosquitto_pub"), *broker, "-t", "iss/zvezda/pressure", "-m", "1"]
    refused = subprocess.run(stranger, capture_output=True, check=False, timeout=30)
    assert refused.returncode != 0
