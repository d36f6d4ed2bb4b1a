"""Reads the config file, the environment and the secret files, and builds the core's objects."""
