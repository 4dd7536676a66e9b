class fp16:
    pass


class fp32:
    pass


class int32:
    pass
