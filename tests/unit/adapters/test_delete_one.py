"""`delete_one`: one key, one outcome."""

import pytest

from buckia_core import errors
from buckia_core.adapters.contract.types import DeleteOutcome, delete_one
from buckia_core.config.parsers import check_whole_number


def test_an_outcome_without_an_error_is_enough():
    asked = []

    def delete(keys):
        asked.append(list(keys))
        return [DeleteOutcome("a")]

    delete_one(delete, "a")
    assert asked == [["a"]]


@pytest.mark.parametrize("outcomes", [[], [DeleteOutcome("b")]])
def test_a_missing_outcome_is_an_error(outcomes):
    with pytest.raises(errors.AdapterError, match="'a': the provider did not say"):
        delete_one(lambda _: outcomes, "a")


def test_the_error_of_the_key_is_raised():
    with pytest.raises(errors.PermissionDenied):
        delete_one(lambda _: [DeleteOutcome("a", errors.PermissionDenied("no"))], "a")


@pytest.mark.parametrize("value", [True, 0, 1.0, "1", None])
def test_a_whole_number_is_nothing_else(value):
    with pytest.raises(errors.InvalidSetting, match="chunk_size must be a whole number of at least 1"):
        check_whole_number(value, "chunk_size")
