"""Lists every log line the service can write, with its cause and what the operator does."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One dotted log name."""

    cause: str
    action: str


NOTHING: Final = "Nothing."

EVENTS: Final[dict[str, LogEvent]] = {
    "service.started": LogEvent("The service is set up and begins to work.", NOTHING),
    "service.stopping": LogEvent("The service was asked to end and empties its queues.", NOTHING),
    "service.stopped": LogEvent("The service has ended in order.", NOTHING),
    "alert.pending": LogEvent(
        "A rule is breached, but not yet for as long as its `hold_s` asks.",
        "Nothing yet; look at the section named if it repeats.",
    ),
    "alert.raised": LogEvent(
        "A rule has been breached for its hold time.",
        "Follow `text`: it names the place, the rate, the time left and the next step.",
    ),
    "alert.escalated": LogEvent(
        "A raised alert crossed the threshold of a worse severity, grew again, or has one more channel "
        "at fault.",
        "Follow `text` again.",
    ),
    "alert.updated": LogEvent(
        "A raised alert knows more: onset, rate or suspects moved.", "Read `text` again."
    ),
    "alert.handed_on": LogEvent(
        "Nobody acknowledged the alert in time, so the next class of people is told.",
        "Acknowledge it, and follow `text`.",
    ),
    "alert.returned": LogEvent(
        "The figure is back within limits before anybody acknowledged the alert.",
        "Acknowledge it once the cause is understood.",
    ),
    "alert.cleared": LogEvent("The figure is back within limits for good.", NOTHING),
    "alert.acknowledged": LogEvent("Somebody took the alert on.", NOTHING),
    "alert.latched": LogEvent(
        "An acknowledged alert is back within limits, and its rule keeps it in sight.",
        "Reset it once the cause is understood.",
    ),
    "alert.shelved": LogEvent(
        "Somebody put the alert aside for a time.",
        "Nothing; it comes back when the time is over, or at once when it gets worse.",
    ),
    "alert.unshelved": LogEvent(
        "The shelf of the alert ended, by its time or by somebody.",
        "If its state is unacknowledged the breach still stands: follow `text`.",
    ),
    "alert.suppressed": LogEvent(
        "A rule is breached while something goes on that it does not alert for.",
        "Nothing, if that is what was expected.",
    ),
    "alert.released": LogEvent(
        "What suppressed the alert is over.",
        "If its state is unacknowledged the breach still stands: follow `text`.",
    ),
    "alert.out_of_service": LogEvent(
        "Somebody took the alert out of service; it says nothing until it is returned.",
        "Return it to service once what it waits for is mended.",
    ),
    "alert.in_service": LogEvent("Somebody returned the alert to service.", NOTHING),
    "incident.opened": LogEvent(
        "An alert was raised whose cause no open incident has.",
        "Follow `text`; whatever else the same cause raises joins this incident.",
    ),
    "incident.joined": LogEvent(
        "One more alert of the same cause was raised.", "Read `text` again: it tells most of it."
    ),
    "incident.worsened": LogEvent(
        "The worst severity of an incident rose.", "Follow `text` again."
    ),
    "incident.closed": LogEvent("All alerts of an incident are at rest again.", NOTHING),
    "command.taken": LogEvent(
        "Somebody did something to an alert, or put the station into another mode; see `command`.",
        NOTHING,
    ),
    "command.refused": LogEvent(
        "Somebody wanted something of an alert that it cannot take in its state, or of no alert.",
        "Look at the alerts again; `refused` says why.",
    ),
    "atmosphere.changed": LogEvent(
        "Hatches moved, so sections now share air in other groups.",
        "Check that the hatch states match the station.",
    ),
    "cause.named": LogEvent(
        "What changed the air of an atmosphere is sure enough to be named in `cause`, with its size, "
        "when, and by how much (`lead`) it explains the readings better than the next cause.",
        "Where `declared_as` is empty find out who moved gas or changed the oxygen, and have it "
        "declared; what is no leak is booked, and raises no alert.",
    ),
    "activity.noted": LogEvent(
        "An activity message arrived.",
        "If `understood` is false, correct the name or place it gives; see `reason`.",
    ),
    "isolation.began": LogEvent(
        "A hatch closed so that an atmosphere parted in two, which is a test of where a leak is.",
        "Leave it shut for as long as the suggestion said.",
    ),
    "isolation.judged": LogEvent(
        "Closed hatches have told in which sections the leak is, or were opened before they did.",
        "Follow `text`; if it is inconclusive, `reason` says what the next test must do better.",
    ),
    "isolation.doubted": LogEvent(
        "What a closed section shows has another explanation than the obvious one.",
        "Make the check that `text` names before anything is decided on it.",
    ),
    "sensor.doubted": LogEvent(
        "A sensor parted from the others of its gas, stands still or drifts, and is left out.",
        "Check or replace it; if `named` is false either of the two may be wrong: read a third.",
    ),
    "sensor.trusted": LogEvent("A doubted sensor has agreed with the others for an hour.", NOTHING),
    "volume.estimated": LogEvent(
        "A repressurisation of known mass showed the free gas volume; figures are scaled to it.",
        "If `believed` is false, check the mass and gas that were declared.",
    ),
    "library.message": LogEvent(
        "A library the service uses (paho, aiohttp, influxdb_client) reported a problem.",
        "Look at the line of the source or output next to it; `held_back` were like it.",
    ),
    "sample.refused": LogEvent(
        "A reading, message or file row was not believed or not understood; `held_back` were too.",
        "Correct its sender by `reason` and `detail`; the quarantine file shows what came.",
    ),
    "source.connected": LogEvent("A source reached its far side and receives.", NOTHING),
    "source.lost": LogEvent(
        "The link of a source broke; it is tried again after `retry_in_s`.",
        "Bring the far side or the network back if it does not connect by itself.",
    ),
    "source.refused": LogEvent(
        "A source could not connect; it is tried again after `retry_in_s`.",
        "Correct what `reason` names: address, port, credentials or certificate.",
    ),
    "source.session_lost": LogEvent(
        "The broker had forgotten our session, so messages of the time between are missing.",
        "Let the broker persist sessions and queue without limit.",
    ),
    "source.taken_over": LogEvent(
        "Another client seems to use the same client id, and both throw each other out.",
        "Give every client an id of its own, or stop the other one.",
    ),
    "output.failing": LogEvent(
        "An output cannot write; its records wait in memory and are tried again.",
        "Bring the far side back, or correct what `remedy` names.",
    ),
    "output.recovered": LogEvent("A failing output writes again.", NOTHING),
    "output.dropping": LogEvent(
        "The queue of an output is full, its oldest records are given up.",
        "Bring the far side back; the gap can be filled by `hullwatch replay` of a capture.",
    ),
    "output.refused": LogEvent(
        "The far side will never take one record; it was set aside.",
        "Read it in the dead-letter file and correct the field that `reason` names.",
    ),
    "output.abandoned": LogEvent(
        "The service stopped while records still waited, and gave them up.",
        "Fill the gap by `hullwatch replay` of a capture.",
    ),
    "state.failing": LogEvent(
        "The state file cannot be written; the watch goes on, and a crash now would forget it.",
        "See that its disk has room and works; it is tried again every minute.",
    ),
    "state.recovered": LogEvent("The state file is written again, with all of the state.", NOTHING),
    "state.refused": LogEvent(
        "What was remembered cannot be used, so estimates and alerts begin anew.",
        "Look at the alerts that were open before; `reason` says what is wrong and what was kept.",
    ),
    "console.open": LogEvent(
        "The console listens to other machines and lacks a token; `reason` says what follows.",
        "Do what `remedy` says.",
    ),
    "console.started": LogEvent("The status page and the metrics can be read.", NOTHING),
}
