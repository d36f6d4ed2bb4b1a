"""Joins file, environment and secret files into settings, and tells every fault at once.

Later wins: file, environment (`HULLWATCH_MQTT__HOST`), secret files (`mqtt_password`). This is
the only module that reads the environment.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import (
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SecretsSettingsSource,
    SettingsError,
)

from service.errors import ConfigError, Fault
from service.settings import document
from service.settings.document import Document, KeyPath
from service.settings.faults import explained, secret_file, secret_paths, secret_remedy, variable
from service.settings.overrides import misplaced
from service.settings.references import Finding, dangling, did_you_mean
from service.settings.rule_files import read_rules, repeated
from service.settings.rules import Rule
from service.settings.schema import PREFIX, Settings

SECRETS_DIR: Final = f"{PREFIX}SECRETS_DIR"
SYSTEMD_SECRETS_DIR: Final = "CREDENTIALS_DIRECTORY"  # where LoadCredential= of a unit puts them


def load(path: Path, *, secrets_dir: Path | None = None) -> Settings:
    """Return the settings of a config file, with environment and secret files laid over it.

    Parameters
    ----------
    secrets_dir : Path or None
        Directory with one file a secret; None = the one that `HULLWATCH_SECRETS_DIR` or systemd's
        `CREDENTIALS_DIRECTORY` names, if any.

    Raises
    ------
    InputError
        If the file cannot be read.
    ConfigError
        If anything in it, in the environment or among the secrets is wrong; holds all of it.
    """
    file = document.read_file(path, "give the path of a config file with -c")
    if not file.content:
        raise ConfigError(file.faults)
    environment, faults = _environment()
    tree = _laid_over(file.content, environment)
    secrets, unreadable = _secrets(secrets_dir)
    for key in secret_paths(tree):
        is_used = Settings.model_fields[str(key[0])].default is not None
        is_used = is_used or _at(tree, key[:-1]) is not None
        if is_used and (found := secrets.get(secret_file(key))) is not None:
            tree = _laid_over(tree, _nested(key, found))
    findings = [*_secrets_in(file), *dangling(tree)]
    settings = None
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        findings += explained(error.errors(include_url=False), tree)
    faults += unreadable
    if settings is not None:
        settings, faulty = _with_rule_files(settings, path.parent, has_rules="rules" in tree)
        faults += faulty
        findings += misplaced(settings)
    findings.sort(key=lambda finding: file.line(finding[0]))
    faults = [*file.faults, *faults]
    faults += [
        Fault(_place(p, file, environment), problem, remedy) for p, problem, remedy in findings
    ]
    if faults or settings is None:
        raise ConfigError(faults)
    return settings


def _with_rule_files(
    settings: Settings, folder: Path, *, has_rules: bool
) -> tuple[Settings, list[Fault]]:
    """Return the settings with the rules of their files, and what is wrong with those."""
    if not settings.rule_files:
        return settings, []
    rules: tuple[Rule, ...] = settings.rules if has_rules else ()
    faults: list[Fault] = []
    for name in settings.rule_files:
        places = {**settings.sections, **settings.loops}
        found, faulty = read_rules(folder / name, places, settings.hatches, settings.modes)
        rules += found.rules
        faults += faulty
    faults += [
        Fault("rule_files", f"two rules are named {name!r}", "rename one of them")
        for name in repeated(rules)
    ]
    return settings.model_copy(update={"rules": rules}), faults


def _environment() -> tuple[dict[str, Any], list[Fault]]:
    """Return what the environment sets, and the variables that set nothing there is."""
    try:
        values = EnvSettingsSource(Settings)()
    except SettingsError as error:
        remedy = "write the value as JSON, or set its keys one by one: HULLWATCH_MQTT__HOST=..."
        return {}, [Fault("environment", str(error), remedy)]
    faults = []
    for name, value in os.environ.items():
        key = tuple(name.removeprefix(PREFIX).lower().split("__"))
        ours = name.startswith(PREFIX) and name != SECRETS_DIR and value
        if ours and _at(values, key) is None:
            remedy = did_you_mean(key[0], list(Settings.model_fields))
            if key[0] in Settings.model_fields:
                remedy = f"{key[0]} has no keys of its own; set {variable(key[:1])}"
            faults.append(Fault(f"environment variable {name}", "sets no key there is", remedy))
    return values, faults


def _secrets(directory: Path | None) -> tuple[Mapping[str, str | None], list[Fault]]:
    """Return what each file of the secrets directory holds, whether or not it is a secret of ours."""
    named = directory or os.environ.get(SECRETS_DIR) or os.environ.get(SYSTEMD_SECRETS_DIR)
    if not named:
        return {}, []
    try:
        source = NestedSecretsSettingsSource(
            SecretsSettingsSource(Settings),
            secrets_dir=named,
            secrets_dir_missing="error",
            secrets_prefix="",
            secrets_nested_delimiter="_",
        )
    except (SettingsError, OSError, UnicodeDecodeError) as error:
        remedy = "give a readable directory with one text file a secret, such as mqtt_password"
        return {}, [Fault(f"secrets directory {named}", str(error), remedy)]
    return source.env_vars, []


def _secrets_in(file: Document) -> Iterator[Finding]:
    for path in secret_paths(file.content):
        if _at(file.content, path) is not None:
            yield path, "is a secret and stands in the config file", secret_remedy(path)


def _place(path: KeyPath, file: Document, environment: Mapping[str, Any]) -> str:
    if not isinstance(_at(environment, path), Mapping | None):  # a part may be from both
        return f"environment variable {variable(path)}"
    return file.place(path)


def _at(tree: Any, path: KeyPath) -> Any:
    """Return the value at the key path, None if there is none."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def _nested(path: KeyPath, value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the values of the top in it, mapping by mapping."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _laid_over(below, value)
        else:
            merged[key] = value
    return merged
