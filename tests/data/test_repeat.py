"""Pictures with rare classes come more often."""

import numpy as np
import pytest
import torch

from dfine.data.repeat import repeat_factors, repeated
from dfine.trace.records import Target
from tests.data.test_loader import Numbered


class Known(Numbered):
    """Pictures of which the classes are given."""

    def __init__(self, labels):
        super().__init__(len(labels))
        self.labels = labels

    def target(self, index):
        labels = torch.tensor(self.labels[index], dtype=torch.int64)
        return Target(labels, torch.zeros(len(labels), 4), index, (8, 8))


@pytest.mark.parametrize(
    "labels, threshold, factors",
    [
        ([], 0.5, []),
        ([[], []], 0.5, [1, 1]),
        ([[0], [0], [0], [0]], 1.0, [1, 1, 1, 1]),
        ([[0], [0], [0], [1]], 0.5, [1, 1, 1, 2**0.5]),
        ([[0, 0, 1], [0], [0], []], 1.0, [2, (4 / 3) ** 0.5, (4 / 3) ** 0.5, 1]),  # its rarest class counts
        ([[0], [0], [0], [1]], 0.25, [1, 1, 1, 1]),
    ],
)
def test_factors_are_those_of_lvis(labels, threshold, factors):
    np.testing.assert_allclose(repeat_factors(labels, threshold), factors)


def test_nothing_is_left_out_and_a_factor_is_met_in_the_mean():
    labels = [[0]] * 90 + [[1]] * 10  # of the second class √(0.4 / 0.1) = 2, of all others 1
    assert [t.image_id for _, t in repeated(Known(labels), 0.4)] == [*range(90), *np.repeat(range(90, 100), 2)]
    some = [repeated(Known(labels), 0.225, seed).indices for seed in range(40)]  # 1.5
    assert all(set(indices) == set(range(100)) for indices in some)
    assert np.mean([len(indices) - 90 for indices in some]) == pytest.approx(15, abs=0.8)
    assert some[0] == repeated(Known(labels), 0.225, 0).indices != some[1]
