"""The one way in which the product says no."""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """An operator's request can't be done as it is. Nothing was changed.

    Args:
        code: stable name of the reason, for tests, audit and `--json` ("key.size").
        sentence: what is wrong, with the input; never a secret.
        cure: what to do next.
    """

    def __init__(self, code: str, sentence: str, cure: str) -> None:
        super().__init__(code, sentence, cure)
        self.code = code
        self.sentence = sentence
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.sentence} {self.cure}"
