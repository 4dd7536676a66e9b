from . import Model_pb2
