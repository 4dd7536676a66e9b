class Dim:
    min: int
    max: int | None
    def __init__(self, name: str, *, min: int | None = None, max: int | None = None) -> None: ...
