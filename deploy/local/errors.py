"""Why the stack cannot run, in words for the person who started it."""


class CannotRun(Exception):
    """Something on this machine stands in the way; `problems` has one line for each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
