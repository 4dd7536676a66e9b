from . import mil as mil
