"""Schemes of quantisation."""
import enum


class QScheme(enum.Enum):
    SYMMETRIC = "symmetric"
