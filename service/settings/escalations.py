"""What a config file may say of who is told next when nobody acknowledges."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from service.settings.fields import Part, Positive, Text, fault


class Step(Part):
    """Who is told next of an alert that nobody acknowledges."""

    after_s: Positive = Field(
        description="how long after the alert asked for attention, unacknowledged, s"
    )
    notification: Text = Field(description="the class of those who are told then")


def _check_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for step, later in pairwise(steps):
        if later.after_s <= step.after_s:
            problem = f"{later.notification} is not told later than {step.notification}"
            raise fault(problem, "put the steps in the order of their after_s")
    return steps


Chain = Annotated[tuple[Step, ...], Field(min_length=1), AfterValidator(_check_steps)]
