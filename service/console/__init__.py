"""The web page of the daemon and the endpoints that machines read."""
