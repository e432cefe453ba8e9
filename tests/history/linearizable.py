"""Is there an order of these operations, each at one instant between its departure and its answer, that an agenda kept by hand allows?

Wing and Gong's search ("Testing and verifying concurrent objects", 1993) with the memory of visited configurations that Lowe added.
An agenda is made of independent pieces (periods that do not overlap, even through others), and linearizability is local: a history is
linearizable when each of its pieces is. So the search runs on pieces, which keeps it short.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["take", "hold", "free", "refused"]


class TooLong(RuntimeError):
    """The search was given up: nothing is known of this history."""


@dataclass(frozen=True)
class Operation:
    """One step on a doctor's time. `take` and `hold` put `token` into the agenda for `owner`, `free` takes it out, `refused` saw the
    period occupied. Departure `began`, answer `ended` (infinite: never answered); not `sure`: it may never have happened.

    An owner's own hold makes way for what he takes or holds over its time, and holding again what one holds changes nothing.
    """

    kind: Kind
    token: Hashable
    owner: Hashable
    resource: Hashable
    starts_at: float
    ends_at: float
    began: float
    ended: float
    sure: bool = True
    label: str = ""

    def overlaps(self, other: "Operation") -> bool:
        return self.resource == other.resource and self.starts_at < other.ends_at and other.starts_at < self.ends_at


State = tuple[frozenset[Hashable], frozenset[Hashable]]
"""Tokens that live, tokens that were freed: these never come back."""


def pieces(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Operations whose periods touch, through others too, on one resource; in the order of their departure."""
    by_resource: dict[Hashable, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_resource[operation.resource].append(operation)
    found: list[list[Operation]] = []
    for mine in by_resource.values():
        mine.sort(key=lambda operation: operation.starts_at)
        reach = float("-inf")
        for operation in mine:
            if operation.starts_at >= reach:
                found.append([])
            found[-1].append(operation)
            reach = max(reach, operation.ends_at)
    return [sorted(piece, key=lambda operation: operation.began) for piece in found]


def not_linearizable(operations: Iterable[Operation], *, steps: int = 500_000) -> list[list[Operation]]:
    """The pieces for which no order exists, empty when all is well. Raises TooLong after `steps` configurations of one piece."""
    return [piece for piece in pieces(operations) if not linearizable(piece, steps=steps)]


def linearizable(piece: Sequence[Operation], *, steps: int = 500_000) -> bool:
    """Whether an order exists for one piece. Raises TooLong."""
    entry: dict[Hashable, Operation] = {op.token: op for op in piece if op.kind in ("take", "hold")}
    must = sum(1 << number for number, op in enumerate(piece) if op.sure)
    seen: set[tuple[int, State]] = set()
    stack: list[tuple[int, State]] = [(0, (frozenset(), frozenset()))]
    while stack:
        placed, state = _place_refusals(piece, entry, *stack.pop())
        if placed & must == must:
            return True
        if (placed, state) in seen:
            continue
        seen.add((placed, state))
        if len(seen) > steps:
            raise TooLong(f"{len(piece)} operations, {steps} configurations")
        following = [
            (placed | 1 << number, after)
            for number in _candidates(piece, placed)
            if (after := _apply(piece[number], state, entry)) is not None
        ]
        stack.extend(reversed(following))
    return False


def _candidates(piece: Sequence[Operation], placed: int) -> list[int]:
    """What may come next: whatever departed before the first answer of those that are left. Soonest answer first."""
    left = [number for number in range(len(piece)) if not placed >> number & 1]
    first_answer = min(piece[number].ended for number in left)
    return sorted((number for number in left if piece[number].began <= first_answer), key=lambda number: piece[number].ended)


def _place_refusals(piece: Sequence[Operation], entry: dict[Hashable, Operation], placed: int, state: State) -> tuple[int, State]:
    """A refusal changes nothing, so that it is placed as soon as it is justified: no other choice can be better."""
    everything = (1 << len(piece)) - 1
    while placed != everything:
        justified = [
            number for number in _candidates(piece, placed) if piece[number].kind == "refused" and _occupied(piece[number], state, entry)
        ]
        if not justified:
            break
        placed |= sum(1 << number for number in justified)
    return placed, state


def _apply(op: Operation, state: State, entry: dict[Hashable, Operation]) -> State | None:
    """The agenda after `op`, None when it does not allow it."""
    live, freed = state
    if op.kind == "free":
        if op.token in live:
            return live - {op.token}, freed | {op.token}
        return state if op.token in freed else None
    if op.kind == "refused":
        return state if _occupied(op, state, entry) else None
    if op.token in freed:
        return None
    if op.token in live:
        return state if op.kind == "hold" else None
    own_holds = frozenset(token for token in live if _makes_way(entry[token], op))
    if any(entry[token].overlaps(op) for token in live - own_holds):
        return None
    return (live - own_holds) | {op.token}, freed | own_holds


def _occupied(op: Operation, state: State, entry: dict[Hashable, Operation]) -> bool:
    return any(entry[token].overlaps(op) and not _makes_way(entry[token], op) for token in state[0])


def _makes_way(there: Operation, op: Operation) -> bool:
    return there.kind == "hold" and there.owner == op.owner and there.overlaps(op)
