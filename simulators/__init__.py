"""Simulates the air of a leaking station; knows nothing of the service but its file formats."""
