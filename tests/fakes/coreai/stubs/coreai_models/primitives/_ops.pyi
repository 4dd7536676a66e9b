from torch import Tensor

# begin and end: int32, one entry for each dimension. Whether it returns something is not written anywhere.
def mutable_slice_update(x: Tensor, update: Tensor, begin: Tensor, end: Tensor) -> Tensor | None: ...
