"""Ties a program to the process that starts it: `python leash.py SIGNAL PARENT_PID PROGRAM [ARGUMENT ...]`.

Asks the kernel to send SIGNAL when the parent dies, `kill -9` included, then becomes the program. It is a program of
its own, since code between fork and exec is not safe in a parent that has threads, as gRPC's.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(death_signal: int, parent: int, program: list[str]) -> None:
    """Become `program`; does not return.

    Args:
        death_signal: number of the signal that the program gets when the parent dies.
        parent: its process id. Where it is gone already, this exits with 1.
        program: path and arguments.

    Raises:
        OSError: the program cannot be started.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 becoming another program is the point


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
    except OSError as failure:
        sys.exit(f"{sys.argv[3]}: {failure.strerror}")
