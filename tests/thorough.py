"""How often chance is given: a few times in the suite, many times with THOROUGH=yes."""

import os


def rounds(usual: int, thorough: int) -> int:
    return thorough if "THOROUGH" in os.environ else usual
