"""Reads what a config might say instead of what it says, so that both can be scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from service.core.monitor import Policy
from service.errors import ConfigError, Fault
from service.settings import document
from service.settings.build import policy_of
from service.settings.document import Document
from service.settings.faults import explained
from service.settings.fields import Part
from service.settings.judgements import Growth
from service.settings.overrides import misplaced
from service.settings.references import Finding, dangling
from service.settings.rules import Override, Rule
from service.settings.schema import Settings


class Change(Part):
    """The keys of a config that a what-if may hold; absent = as it is."""

    rules: tuple[Rule, ...] | None = Field(
        default=None, description="the rules, instead of all that there are and their overrides"
    )
    rule_overrides: tuple[Override, ...] = Field(
        default=(),
        description="what some of the rules do differently, over what overrides there are",
    )
    growth: Growth | None = Field(default=None, description="how sure a leak growth must be")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A change of a config, named after its file."""

    name: str
    file: Document
    change: Change

    def policy(self, settings: Settings) -> Policy:
        """Return the policy of the settings as it would be.

        Raises
        ------
        ConfigError
            If the change names a rule, a section or a hatch that the settings do not have.
        """
        change = self.change
        rules = settings.rules if change.rules is None else change.rules
        within = settings.rule_overrides if change.rules is None else ()
        update = {"rules": rules, "growth": change.growth or settings.growth}
        new = settings.model_copy(update={**update, "rule_overrides": change.rule_overrides})
        known = {
            "sections": dict.fromkeys([*settings.sections, *settings.loops]),
            "hatches": dict.fromkeys(settings.hatches),
        }
        findings = [*dangling({**self.file.content, **known}), *misplaced(new)]
        if findings:
            raise ConfigError(_faults(self.file, findings))
        overrides = within + change.rule_overrides
        return policy_of(new.model_copy(update={"rule_overrides": overrides}))


def read_what_if(path: Path) -> WhatIf:
    """Return the change that a file holds.

    Raises
    ------
    InputError
        If the file cannot be read.
    ConfigError
        If anything in it is wrong.
    """
    file = document.read_file(
        path, "give a file with rule_overrides, rules or growth as in a config"
    )
    if file.faults:
        raise ConfigError(file.faults)
    try:
        change = Change(**file.content)
    except ValidationError as error:
        findings = list(explained(error.errors(include_url=False), file.content))
        raise ConfigError(_faults(file, findings)) from error
    return WhatIf(name=path.stem, file=file, change=change)


def _faults(file: Document, findings: Sequence[Finding]) -> list[Fault]:
    ordered = sorted(findings, key=lambda finding: file.line(finding[0]))
    return [Fault(file.place(at), problem, remedy) for at, problem, remedy in ordered]
