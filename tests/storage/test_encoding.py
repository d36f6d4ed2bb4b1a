"""What a monitor remembers comes back to the bit, and bytes of anything else are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from service.core.events import Order, Severity
from service.core.samples import Activity
from service.storage.encoding import MAGIC, StateError, decode, encode, structure

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
words = st.sampled_from([*Severity, *Order])
arrays = hnp.arrays(
    st.sampled_from([np.float64, np.int32, np.bool_, np.uint8]), hnp.array_shapes(min_side=0)
)
records = st.builds(Activity, time_s=st.floats(), received_s=st.floats(), name=st.text(max_size=4))
keys = st.recursive(
    st.text(max_size=3) | st.integers() | words, lambda k: st.tuples(k, k), max_leaves=4
)
values = st.recursive(
    plain | words | arrays | records,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
        | st.frozensets(st.text(max_size=3), max_size=3)
    ),
    max_leaves=12,
)


def same(one: object, other: object) -> bool:
    """Compare to the bit: NaN equals itself, and 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    match one:
        case np.ndarray():
            assert isinstance(other, np.ndarray)
            return (
                one.dtype == other.dtype
                and one.shape == other.shape
                and (one.tobytes() == other.tobytes())
            )
        case list() | tuple():
            assert isinstance(other, list | tuple)
            return len(one) == len(other) and all(map(same, one, other))
        case dict():
            assert isinstance(other, dict)
            return same(list(one.items()), list(other.items()))
        case Activity():
            return repr(one) == repr(other)
        case float():
            return repr(one) == repr(other)
        case _:
            return bool(one == other)


@given(values)
def test_every_value_comes_back_as_it_was(value):
    assert same(decode(encode(value)), value)


@given(st.integers(len(MAGIC), 10_000), st.integers(1, 255))
def test_a_single_changed_byte_is_refused(place, change):
    stored = bytearray(encode({"a": np.arange(50.0), "b": ("c", Severity.CAUTION)}))
    stored[len(MAGIC) + (place - len(MAGIC)) % (len(stored) - len(MAGIC))] ^= change
    with pytest.raises(StateError):
        decode(bytes(stored))


@given(st.integers(0, 400))
def test_an_unfinished_write_is_refused(length):
    stored = encode({"a": np.arange(50.0)})
    with pytest.raises(StateError):
        decode(stored[: min(length, len(stored) - 1)])


@pytest.mark.parametrize("value", [object(), {"a": lambda: 0}, np.array([object()]), 1j])
def test_what_is_no_state_cannot_be_written(value):
    with pytest.raises(TypeError):
        encode(value)


def test_two_layouts_of_state_differ_and_the_numbers_in_them_do_not_matter():
    layout = structure({"a": np.zeros((2, 3)), "b": {"c": 1}})
    assert structure({"a": np.ones((5, 3)), "b": {"c": 7}}) == layout
    assert structure({"a": np.zeros(2), "b": {"c": 1}}) != layout
    assert structure({"a": np.zeros((2, 3)), "b": {"d": 1}}) != layout
