"""Instances of classes of which nobody is known to make one: how that is done is not told, so they have no constructor."""
from typing import Any, TypeVar

T = TypeVar("T")


def made(kind: type[T], **attributes: Any) -> T:
    instance = kind.__new__(kind)
    instance.__dict__.update(attributes)
    return instance
