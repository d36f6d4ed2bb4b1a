"""Every fault of a config is told at once, with its place, what is wrong and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.errors import ConfigError, Fault, InputError
from service.settings import document
from service.settings.load import load

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
EVERYTHING: dict[str, Any] = yaml.safe_load((HERE / "good" / "everything.yaml").read_text())

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(scalars, inner, max_size=3)
)


def faults_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_gives_just_the_faults_written_at_its_top(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    assert [fault.replace(str(path), "FILE") for fault in faults_of(path)] == expected


def test_a_secret_is_never_shown() -> None:
    shown = "\n".join(faults_of(HERE / "bad" / "secret_in_the_file.yaml"))
    assert "hunter2" not in shown
    assert "pw" not in shown


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load(Path("nowhere.yaml"))


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"station: \xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load(path)


def test_a_merged_key_may_be_overridden(write: Callable[[str], Path]) -> None:
    """YAML's merge key is no duplicate of what it brings."""
    read = load(
        write(
            "station: s\n"
            "sections: {a: &a {volume_m3: 1}, b: {<<: *a, volume_m3: 2}}\n"
            "channels: {p: {section: a, kind: pressure, unit: mmHg}}\n"
        )
    )
    assert [section.volume_m3 for section in read.sections.values()] == [1, 2]


@given(st.text())
def test_any_text_is_read_or_has_faults(text: str) -> None:
    found = document.read(text, "f")
    assert isinstance(found.content, dict)
    assert found.content or found.faults


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree))
    return [path, *(p for key, value in items for p in _places(value, (*path, key)))]


def _with(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.sampled_from(_places(EVERYTHING)), value=values)
@example(place=("channels", "radiator.quantity", "unit"), value=[])
def test_any_value_anywhere_is_taken_or_told(
    write: Callable[[str], Path], place: tuple[Any, ...], value: Any
) -> None:
    told: tuple[Fault, ...] = ()
    try:
        load(write(yaml.safe_dump(_with(EVERYTHING, place, value))))
    except ConfigError as error:
        told = error.faults
    assert all(fault.place and fault.problem and fault.remedy for fault in told)
