"""Hullwatch: watches the air pressure of a crewed spacecraft and tells when its leak grows.

The way of the data, which is also the order of the modules:

    sources   bytes come in (MQTT, files, simulator) and leave as columns of samples
    pipeline  moves them to the monitor, stamps their arrival and keeps the clock
    core      samples -> atmospheres -> estimates -> verdicts -> alerts; no I/O, no clock
    outputs   what the world sees: metrics, logs, files, InfluxDB
    console   the status page and the health checks
    app       builds all of it from `settings` and runs it in one task group
"""
