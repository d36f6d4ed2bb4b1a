"""Names the channel that a topic speaks of."""

from typing import Final

from service.errors import InputError

PLACEHOLDERS: Final = frozenset({"station", "section", "quantity", "channel"})


class TopicTemplate:
    """A pattern of topics such as `{station}/{section}/{quantity}` or `{station}/{channel}`.

    A placeholder fills a whole level. `{station}` stands for the name of the station; the others
    match anything and together name the channel.

    Examples
    --------
    >>> template = TopicTemplate("{station}/{section}/{quantity}", station="iss")
    >>> template.subscription, template.channel("iss/zvezda/pressure")
    ('iss/+/+', 'zvezda.pressure')
    >>> template.channel("mir/core/pressure") is None
    True
    """

    def __init__(self, template: str, *, station: str) -> None:
        self._levels: list[str | None] = []
        self._wanted: dict[str, int] = {}
        for position, level in enumerate(template.split("/")):
            key = level[1:-1] if level.startswith("{") and level.endswith("}") else None
            if key is None and not set(level) & set("{}+#"):
                self._levels.append(level)
            elif key == "station" and not set(station) & set("/+#"):
                self._levels.append(station)
            elif key in PLACEHOLDERS and key not in {*self._wanted, "station"}:
                self._levels.append(None)
                self._wanted[key] = position
            else:
                raise InputError(
                    f"topic template {template!r}",
                    f"cannot use the level {level!r} for the station {station!r}",
                    "use plain levels and, once each, {station}, {section}, {quantity}, {channel}",
                )
        if set(self._wanted) not in (set(), {"channel"}, {"section", "quantity"}):
            raise InputError(
                f"topic template {template!r}",
                "does not name a channel",
                "use {channel}, or {section} together with {quantity}",
            )

    @property
    def subscription(self) -> str:
        """The filter to subscribe to."""
        return "/".join("+" if level is None else level for level in self._levels)

    def matches(self, topic: str) -> bool:
        """Tell whether the topic follows the pattern."""
        levels = topic.split("/")
        return len(levels) == len(self._levels) and all(
            own in (None, level) for own, level in zip(self._levels, levels, strict=True)
        )

    def channel(self, topic: str) -> str | None:
        """Return the name of the channel the topic speaks of, None if it follows another pattern.

        The channel need not exist: `iss/all/telemetry` gives `all.telemetry`, and the payload
        names its channels itself.
        """
        if not self._wanted or not self.matches(topic):
            return None
        levels = topic.split("/")
        if "channel" in self._wanted:
            return levels[self._wanted["channel"]]
        return f"{levels[self._wanted['section']]}.{levels[self._wanted['quantity']]}"
