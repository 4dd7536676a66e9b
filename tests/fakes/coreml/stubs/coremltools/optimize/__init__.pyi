from . import coreml as coreml
