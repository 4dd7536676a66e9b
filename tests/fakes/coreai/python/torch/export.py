"""Sizes that may vary."""


class Dim:
    def __init__(self, name, *, min=None, max=None):
        self.__name__, self.min, self.max = name, min or 0, max
