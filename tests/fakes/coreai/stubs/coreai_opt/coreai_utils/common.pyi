import enum

class QScheme(enum.Enum):
    SYMMETRIC: str
