"""The script that README.md speaks of."""
import argparse
import json
import os
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
parser.add_argument("--heads", type=int, default=1)
given = parser.parse_args()
with open(given.config, encoding="utf-8") as f:
    json.load(f)
if given.heads >= 3:
    os.kill(os.getpid(), signal.SIGSEGV)
