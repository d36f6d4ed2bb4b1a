"""What holds for every test."""

import logging

import pytest

# In debug mode asyncio also warns of what took long, which is a matter of the machine.
logging.getLogger("asyncio").setLevel(logging.ERROR)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the first seed of a test stand among the short tests; the others are run with the long ones.

    Of the short ones those that feed hours or days of a whole station to a monitor take most of the time.
    """
    for item in items:
        if "flight" in getattr(item, "fixturenames", ()):
            item.add_marker("flown")
        call = getattr(item, "callspec", None)
        if call is not None and call.indices.get("seed", 0) > 0:
            item.add_marker("slow")
