"""What other tools rely on, written down once more, apart from the code that has to keep it."""

ALERT_FIELDS = (
    "time",
    "alert_id",
    "rule",
    "kind",
    "severity",
    "event",
    "state",
    "atmosphere",
    "sections",
    "suspects",
    "leak_rate_kg_per_day",
    "leak_rate_low",
    "leak_rate_high",
    "growth_kg_per_day",
    "onset_time",
    "onset_low",
    "onset_high",
    "reserve_time_s",
    "reason",
    "text",
)
