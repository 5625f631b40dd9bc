"""Arrays of other shapes are refused by name, in one line."""

import numpy as np
import pytest
import torch

from minimt.shapes import expect


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_another_shape_is_an_error_that_names_the_array(make):
    expect("keys", make((2, 3)), 2, 3)
    expect("scale", make(()))
    for shape in ((2,), (3, 2), (2, 1), (2, 3, 1)):
        with pytest.raises(ValueError, match=r"^keys must have shape \(2, 3\), not \("):
            expect("keys", make(shape), 2, 3)
