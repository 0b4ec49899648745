import pytest
from curve_runs import three_runs

from isoloss import curves


@pytest.fixture(scope="session")
def runs():
    return three_runs()


@pytest.fixture(scope="session")
def law(runs):
    return curves.fit(runs)
