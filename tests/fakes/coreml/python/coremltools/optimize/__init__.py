from . import coreml
