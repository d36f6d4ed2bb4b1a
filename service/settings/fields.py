"""The kinds of values a config file may hold."""

from functools import partial
from itertools import pairwise
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.core.events import Severity


def fault(problem: str, remedy: str) -> PydanticCustomError:
    """Return the error of a value, with what to do about it."""
    return PydanticCustomError("config", "{problem}", {"problem": problem, "remedy": remedy})


def _refuse_truth_value(value: Any) -> Any:
    if isinstance(value, bool):  # YAML reads yes, no, on and off so, and Python counts with them
        raise fault("must be a number, not yes or no", "write a number")
    return value


Number = Annotated[float, BeforeValidator(_refuse_truth_value), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
Count = Annotated[int, BeforeValidator(_refuse_truth_value)]
Port = Annotated[Count, Field(ge=0, le=65535)]
Text = Annotated[str, Field(min_length=1)]


def _check_name(name: str) -> str:
    if not name or any(c.isspace() or not c.isprintable() or c in "/+#;" for c in name):
        raise fault(
            f"{name!r} cannot be a name, for it would not fit into a topic or a table",
            "use letters, digits, '_', '-' and '.'",
        )
    return name


Name = Annotated[str, Field(max_length=100), AfterValidator(_check_name)]


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise fault("is not a web address", "write it like http://localhost:8086")
    if parts.username or parts.password:
        raise fault("holds a user name or password", "leave it out and give a token instead")
    return url


Url = Annotated[str, AfterValidator(_check_url)]


def _check_order(thresholds: dict[Severity, float], worse: str) -> dict[Severity, float]:
    """Return the thresholds if each lies, `above` or `below`, beyond the next milder one."""
    ladder = [(s, thresholds[s]) for s in Severity if s in thresholds]
    for (severity, figure), (milder, limit) in pairwise(ladder):
        if (figure <= limit) if worse == "above" else (figure >= limit):
            raise fault(
                f"{severity} at {figure:g} is reached before {milder} at {limit:g}",
                f"set {severity} {worse} {milder}",
            )
    return thresholds


Rising = Annotated[
    dict[Severity, Positive],
    Field(min_length=1),
    AfterValidator(partial(_check_order, worse="above")),
]
Falling = Annotated[
    dict[Severity, Positive],
    Field(min_length=1),
    AfterValidator(partial(_check_order, worse="below")),
]


class Part(BaseModel):
    """A mapping in the config: immutable, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
