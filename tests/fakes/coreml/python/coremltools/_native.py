"""The part of the fake that is native, so that what dies there has a stack (tests/fakes/coreml/native.c)."""
import ctypes
import os

_library = ctypes.CDLL(os.environ["FAKE_COREML_LIBRARY"])  # where it was built, and nothing else


def predict_on_neural_engine() -> None:
    _library.MLE5Engine_predictionFromFeatures_options_error()


def plan_of_no_compiled_model() -> None:
    _library.MLComputePlan_loadContentsOfURL_configuration()
