"""The grammar of rules, and its parser: from the text of a rule to its parts, each with its place in the text. Nothing is ever evaluated as code.

rule       = quantity comparison value
quantity   = name [ "(" [ argument { "," argument } ] ")" ]
argument   = value | name "=" value
comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
value      = number [ "%" ] | word | string
name, word = letters, digits and _ - . / : @ +
string     = a text in "double" or 'single' quotes; a backslash before a quote or a backslash keeps its meaning away
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement.words import one_line

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
# What people write for them.
SAME = {"≤": "<=", "≥": ">=", "≠": "!="}

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign><=|>=|==|!=|[<>=≤≥≠(),%])|(?P<word>[\w./:@+−-]+)|(?P<end>$)|(?P<other>.))""",
    re.DOTALL,
)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

# Longer rules are a mistake, e.g. a file in place of a rule.
LONGEST_RULE = 1000


class RuleError(ArgumentError):
    """A rule that can't be read, or names something that does not exist: a sentence, and below it the rule with a mark at the place.

    Attributes:
        sentence: the sentence alone.
        rule: the text of the rule.
        start, end: the place in the text.
    """

    def __init__(self, sentence: str, rule: str, start: int, end: int) -> None:
        sentence = one_line(sentence)  # it may name what a record has
        shown = re.sub(r"\s", " ", rule)
        super().__init__(f"{sentence}\n    {shown}\n    {' ' * start}{'^' * max(1, end - start)}")
        self.sentence, self.rule, self.start, self.end = sentence, rule, start, end


@dataclass(frozen=True)
class Value:
    """A name, a number or a text in a rule.

    Attributes:
        text: as it is meant: without quotes.
        start, end: its place in the rule.
        number: the number; None for words and texts. "30%" is 0.3.
    """

    text: str
    start: int
    end: int
    number: float | None = None


@dataclass(frozen=True)
class Rule:
    """A rule, taken apart.

    Attributes:
        text: as it was given, without spaces around it.
        quantity: the name of what is measured.
        arguments: the values in parentheses that have no name.
        options: the values that have one, {name: value}.
        option_names: {name: the name with its place}.
        comparison: one of COMPARISONS.
        limit: what is compared with.
    """

    text: str
    quantity: Value
    arguments: tuple[Value, ...]
    options: dict[str, Value]
    option_names: dict[str, Value]
    comparison: str
    limit: Value
    parenthesised: bool = field(default=False)

    def error(self, sentence: str, at: Value) -> RuleError:
        """An error that points at a part of the rule."""
        return RuleError(sentence, self.text, at.start, at.end)

    @property
    def measured(self) -> str:
        """The text of what is measured, e.g. "share(corner)"."""
        end = self.text.rindex(")", 0, self.limit.start) + 1 if self.parenthesised else self.quantity.end
        return self.text[self.quantity.start : end]


def whole(text: str) -> int | None:
    """The whole number that a text is; None where it is none."""
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else None


def parse(text: str) -> Rule:
    """Take a rule apart.

    Raises:
        RuleError (a ValueError): a text that is no rule; the message points at the place.
    """
    return _Parser(text).rule()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Parser:
    """Recursive descent: a method for each line of the grammar."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a rule is a text, such as 'share(corner) < 0.3'; this one is a {type(text).__name__}.")
        if len(text) > LONGEST_RULE:
            raise ArgumentError(f"a rule has at most {LONGEST_RULE} characters; this one has {len(text)}: {text[:40]!r}…")
        self.text = text.strip()
        self.tokens = list(self._tokens())
        self.place = 0

    def _tokens(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while not tokens or tokens[-1].kind != "end":
            found = TOKEN.match(self.text, at)
            assert found is not None and found.lastgroup is not None  # noqa: PT018  the last alternative is any character
            kind, at = found.lastgroup, found.end()
            token = _Token(kind, found[kind], found.start(kind), found.end(kind))
            if kind == "other":
                if token.text in "\"'":
                    raise RuleError("the text that begins here has no closing quote.", self.text, token.start, len(self.text))
                raise RuleError(f"{token.text!r} means nothing in a rule; put names with it in quotes.", self.text, token.start, token.end)
            tokens.append(token)
        return tokens

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def taken(self, *signs: str) -> _Token | None:
        """The next token, where it is one of some signs."""
        return self.take() if self.next.kind == "sign" and self.next.text in signs else None

    def error(self, expected: str, token: _Token) -> RuleError:
        what = "the rule ends here" if token.kind == "end" else f"here stands {token.text!r}"
        return RuleError(f"{what}, where {expected} is expected.", self.text, token.start, token.end)

    def rule(self) -> Rule:
        quantity = self.word("the name of what is measured, e.g. share(corner),")
        if NUMBER.fullmatch(quantity.text):
            raise RuleError(
                "what is measured stands before the comparison, and the number after it.", self.text, quantity.start, quantity.end
            )
        arguments: list[Value] = []
        options: dict[str, Value] = {}
        names: dict[str, Value] = {}
        parenthesised = self.taken("(") is not None
        if parenthesised and not self.taken(")"):
            self.argument(arguments, options, names)
            while self.taken(","):
                self.argument(arguments, options, names)
            if not self.taken(")"):
                raise self.error("',' or ')'", self.next)
        comparison = self.comparison(parenthesised)
        limit = self.value("a number or a word to compare with")
        if self.next.kind != "end":
            more = " (a rule is one comparison: write two rules)" if self.next.text in (*COMPARISONS, "and", "or", "&&", "||") else ""
            raise self.error(f"the end of the rule{more}", self.next)
        return Rule(self.text, quantity, tuple(arguments), options, names, comparison, limit, parenthesised)

    def argument(self, arguments: list[Value], options: dict[str, Value], names: dict[str, Value]) -> None:
        if self.next.kind == "word" and self.tokens[self.place + 1].text == "=" and self.tokens[self.place + 1].kind == "sign":
            name = self.word("a name")
            self.take()
            if name.text in options:
                raise RuleError(f"{name.text}= is given twice.", self.text, name.start, name.end)
            options[name.text], names[name.text] = self.value(f"the value of {name.text}="), name
        else:
            value = self.value("a value, e.g. the name of a region,")
            if options:
                raise RuleError("a value without a name stands before those with one.", self.text, value.start, value.end)
            arguments.append(value)

    def comparison(self, parenthesised: bool) -> str:
        token = self.take()
        sign = SAME.get(token.text, token.text)
        if token.kind == "sign" and sign == "=":
            raise RuleError("'=' compares nothing; write '=='.", self.text, token.start, token.end)
        if token.kind != "sign" or sign not in COMPARISONS:
            parentheses = "" if parenthesised else "'(' or "
            raise self.error(f"{parentheses}one of {' '.join(COMPARISONS)}", token)
        return sign

    def word(self, expected: str) -> Value:
        token = self.take()
        if token.kind != "word":
            raise self.error(expected, token)
        return Value(token.text, token.start, token.end)

    def value(self, expected: str) -> Value:
        token = self.take()
        if token.kind == "text":
            return Value(re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL), token.start, token.end)
        if token.kind != "word":
            raise self.error(expected, token)
        written = token.text.replace("−", "-")
        number = float(written) if NUMBER.fullmatch(written) else None
        if number is not None and (percent := self.taken("%")):
            return Value(f"{token.text}%", token.start, percent.end, number / 100)
        return Value(token.text, token.start, token.end, number)
