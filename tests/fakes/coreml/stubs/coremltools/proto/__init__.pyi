from . import Model_pb2 as Model_pb2
