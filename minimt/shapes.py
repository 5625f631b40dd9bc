"""Shapes: arrays that do not fit together are an error, and are never broadcast."""


def expect(name: str, array, *shape: int) -> None:
    """Raise a ValueError that names an array or tensor unless it has this shape."""
    if tuple(array.shape) != shape:
        raise ValueError(f"{name} must have shape {shape}, not {tuple(array.shape)}")
