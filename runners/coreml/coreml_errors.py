"""What Core ML says when it refuses, as coremltools hands it on.

An NSError arrives as the text of its user info, without the domain and code around it:

    {
        NSLocalizedDescription = "Unable to load model";
        NSUnderlyingError = "Error Domain=com.apple.CoreML Code=3 \\"(null)\\"";
    }

and, where a model is made with MLModel, as no exception at all: as a warning that predict will not work. The domain and code
are then those of the innermost error that is told, which is where it began; without one the exception's type stands for them."""

from __future__ import annotations

import re

from trapline_runner import Failure, failure

WARNING = "You will not be able to run predict"
DESCRIPTION = re.compile(r'NSLocalizedDescription = (?:"((?:[^"\\]|\\.)*)"|([^;\n]*));')
# Quotes within are escaped as often as they are deep.
UNDERLYING = re.compile(r'Domain=([\w.-]+) Code=(-?\d+)(?: \\*"(.*?)\\*")?', re.S)


def plain(text: str) -> str:
    return re.sub(r"\\+(.)", r"\1", text).strip()


def told(raised: BaseException) -> Failure:
    """The failure that an exception of coremltools speaks of."""
    begun = raised.__context__ if isinstance(raised, Warning) and raised.__context__ is not None else raised
    text = str(begun)
    within = UNDERLYING.findall(text)
    said = [plain(message) for _, _, message in reversed(within) if plain(message) not in ("", "(null)")]
    said += [plain(quoted or bare) for quoted, bare in DESCRIPTION.findall(text)]
    message = "; ".join(dict.fromkeys(each for each in said if each)) or text
    if within:
        domain, code, _ = within[-1]
        return Failure(domain, code, message)
    if said:
        return Failure("Core ML", type(begun).__name__, message)
    return Failure(*failure(begun))
