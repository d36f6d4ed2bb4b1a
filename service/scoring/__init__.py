"""Scores the core on many simulated or recorded cases whose truth is known."""
