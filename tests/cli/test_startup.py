"""The garbage collector rests while a command imports, and works afterwards."""

import gc

import pytest

from ase_orbital.cli.startup import imports


@pytest.fixture(autouse=True)
def unfrozen():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_imports_are_not_searched_for_garbage():
    with imports():
        assert not gc.isenabled()
        kept = [[]]
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    assert all(found is not kept for found in gc.get_objects())


def test_a_failed_import_leaves_the_collector_at_work():
    with pytest.raises(ImportError, match="torch"), imports():
        raise ImportError("torch")
    assert gc.isenabled()
