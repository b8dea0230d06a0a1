"""Does a JSON value fit a type of an official package, exactly?

The packages' own validation is lenient where a gateway must not be: it ignores members that nobody knows, reads "1" as
a number, and takes any string where an enumeration may grow. Here none of that passes.
"""

import base64
import binascii
import collections.abc
import datetime
import enum
import types
import typing

import pydantic
import typing_extensions

LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
UNIONS = (typing.Union, types.UnionType)
QUALIFIERS = tuple(
    getattr(module, name)
    for module in (typing, typing_extensions)
    for name in ("Required", "NotRequired", "ReadOnly")
    if hasattr(module, name)
)
ALIASES = tuple({
    getattr(module, "TypeAliasType")
    for module in (typing, typing_extensions)
    if hasattr(module, "TypeAliasType")
})


def faults(value, kind, where="", wire=None, extras=None):
    """What is wrong with the value, a line each.

    `wire` says which types are written as another one. `extras` is asked for each member that a type lacks, with the
    type's name and the member's, and says whether it may be there.
    """
    found = _Check(wire or {}, extras or (lambda *_: False)).check(value, kind, where)
    return [fault.removeprefix(".") for fault in found]


class _Check:
    def __init__(self, wire, extras):
        self.wire, self.extras = wire, extras

    def check(self, value, kind, where):
        kind = self.wire.get(kind, kind) if isinstance(kind, collections.abc.Hashable) else kind
        if isinstance(kind, ALIASES):
            return self.check(value, kind.__value__, where)
        origin, args = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
        if isinstance(origin, ALIASES):
            return self.check(value, origin.__value__[args], where)
        if origin is typing_extensions.Annotated or origin in QUALIFIERS:
            return self.check(value, args[0], where)
        if kind in (typing.Any, typing_extensions.Any, object):
            return []
        if origin is typing.Literal or origin is typing_extensions.Literal:
            fits = any(type(value) is type(one) and value == one for one in args)
            return [] if fits else [f"{where}: {value!r} is none of {args}"]
        if origin in UNIONS:
            return self.union(value, args, where)
        if origin in LISTS or kind in LISTS:
            return self.items(value, args, where)
        if origin in MAPS or kind in MAPS:
            return self.entries(value, args, where)
        if typing_extensions.is_typeddict(kind):
            hints = typing_extensions.get_type_hints(kind, include_extras=True)
            return self.members(value, kind, hints, kind.__required_keys__, where)
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
            hints = {name: field.annotation for name, field in fields.items()}
            required = {name for name, field in fields.items() if field.is_required()}
            return self.members(value, kind, hints, required, where)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            known = [one.value for one in kind]
            return [] if value in known else [f"{where}: {value!r} is none of {known}"]
        return self.scalar(value, kind, where)

    def scalar(self, value, kind, where):
        if kind is float:
            fits = type(value) in (int, float)
        elif kind in (None, type(None)):
            fits = value is None
        elif kind is bytes:
            fits = isinstance(value, str) and is_base64(value)
        elif kind is datetime.datetime:
            fits = isinstance(value, str)
        else:
            fits = type(value) is kind
        return [] if fits else [f"{where}: {value!r} is no {getattr(kind, '__name__', kind)}"]

    def union(self, value, arms, where):
        # `Literal["a", "b"] | str` is an enumeration that may grow. It has not grown.
        if any(self.is_enumeration(arm) for arm in arms):
            arms = [arm for arm in arms if not self.is_open(arm)]
        best = None
        for arm in arms:
            found = self.check(value, arm, where)
            if not found:
                return []
            rank = (not self.is_meant(value, arm), len(found))
            if best is None or rank < best[0]:
                best = (rank, found)
        return best[1]

    def is_enumeration(self, arm):
        if typing_extensions.get_origin(arm) is typing_extensions.Annotated:
            return self.is_enumeration(typing_extensions.get_args(arm)[0])
        literal = typing_extensions.get_origin(arm) in (typing.Literal, typing_extensions.Literal)
        return literal and all(isinstance(one, str) for one in typing_extensions.get_args(arm))

    @staticmethod
    def is_open(arm):
        anything = (typing.Any, typing_extensions.Any, str)
        return arm in anything or getattr(arm, "__name__", "") == "UnrecognizedStr"

    def is_meant(self, value, arm):
        """Whether a tag of the value says that it is this arm; for messages only."""
        if typing_extensions.get_origin(arm) is typing_extensions.Annotated:
            return self.is_meant(value, typing_extensions.get_args(arm)[0])
        if not isinstance(value, dict):
            return not isinstance(arm, type) or not isinstance(value, list)
        tags = {tag: value[tag] for tag in ("type", "role") if tag in value}
        if typing_extensions.is_typeddict(arm):
            hints = typing_extensions.get_type_hints(arm, include_extras=True)
        elif isinstance(arm, type) and issubclass(arm, pydantic.BaseModel):
            hints = {name: field.annotation for name, field in arm.model_fields.items()}
        else:
            return False
        return all(tag in hints and not self.check(said, hints[tag], tag) for tag, said in tags.items())

    def items(self, value, args, where):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        kind = args[0] if args else typing.Any
        return [fault for at, item in enumerate(value) for fault in self.check(item, kind, f"{where}[{at}]")]

    def entries(self, value, args, where):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        kind = args[1] if args else typing.Any
        return [fault for name, item in value.items() for fault in self.check(item, kind, f"{where}.{name}")]

    def members(self, value, kind, hints, required, where):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no {kind.__name__}"]
        found = [f"{where}: {kind.__name__} lacks {name}" for name in sorted(required) if name not in value]
        for name, member in value.items():
            if name in hints:
                found += self.check(member, hints[name], f"{where}.{name}")
            elif not self.extras(kind.__name__, name):
                found.append(f"{where}: {kind.__name__} has no {name}")
        return found


def is_base64(text):
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True
