"""What the world sees: metrics, log lines, databases and files, each fed from its own queue."""
