"""Where telemetry comes from: each source turns what it hears into deliveries of readings."""
