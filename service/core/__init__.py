"""Everything the service knows: pure, deterministic, told the time, free of I/O."""
