from . import mil
