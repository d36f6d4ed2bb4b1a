"""What people do to alerts and to the mode of the station; it enters the core like readings, with its time of arrival."""

from dataclasses import dataclass

from service.core.events import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person does to an alert, or to the mode of the station.

    Attributes
    ----------
    received_s : float
        Arrival time, Unix UTC; it takes effect at the tick after it.
    command_id : str
        Tells it from all others.
    alert_id : str
        The alert it is about; empty where rule and atmosphere name it.
    rule, atmosphere : str
        Name an alert that may be at rest.
    lasting_s : float or None
        How long a shelf holds; None for every other order.
    mode : str
        The mode that the station is in from now on; empty for every other order.
    """

    received_s: float
    command_id: str
    order: Order
    who: str
    why: str
    alert_id: str = ""
    rule: str = ""
    atmosphere: str = ""
    lasting_s: float | None = None
    mode: str = ""

    def __post_init__(self) -> None:
        """State that a shelf, and nothing else, has an end, and a change of mode a mode."""
        assert (self.order is Order.SHELVE) == (self.lasting_s is not None)
        assert (self.order is Order.SET_MODE) == bool(self.mode)
