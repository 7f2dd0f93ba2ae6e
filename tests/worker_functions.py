"""Functions that worker processes must be able to import."""

import os

from gliomics.errors import ScanError


def square(number: int) -> int:
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ScanError(code="empty_image", where="case 3", expected="a", got="b", fix="c.")
    return number


def process_id(_: int) -> int:
    return os.getpid()
