"""What holds for every test."""

import logging

import pytest

# In debug mode asyncio also warns of what took long, which is a matter of the machine.
logging.getLogger("asyncio").setLevel(logging.ERROR)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count no lines in long runs.

    They show how well leaks are found; what each line does is shown by the short tests, and counting
    makes a run take 1.8 times as long.
    """
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")
