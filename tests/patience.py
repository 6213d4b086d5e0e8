"""How long a test waits for what must come. It ends a hang in good time before pytest does, and decides nothing else: a machine
that is ten times slower than the developer's must pass the same tests."""

LONG_S = 500.0
