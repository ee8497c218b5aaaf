"""Which spatial block goes to which part: training, validation, test, or a fold.

Blocks are divided so that every class is in every part where its blocks allow, also
after the buffer, and each part gets its share of each class as far as whole blocks can.
Of a few blocks every division is priced. Of more, a greedy start (rarest class first, after
Sechidis et al. 2011, "On the stratification of multi-label data") is improved by moves and swaps
drawn from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .block_zones import IntArray, Zones

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# A class missing from a part costs more than any imbalance, and from the first part most.
_MISSING = 10.0
_MANY = 5000  # blocks, of which any division is as good as the next
_ALL = 60_000  # divisions, up to which all of them are priced: ten blocks and three parts
_AT_ONCE = 2048  # of them
_CANDIDATES = 64  # moves and swaps drawn a step
_STEPS = 300  # a start at the most
_STALLED = 30  # steps without a better candidate after which a start ends
_MOST_CELLS = 16_000_000  # zones times candidates that are held at once, 8 bytes each
_WORK = 40_000_000  # zones times candidates times steps of a start: bounds the time
_TAKEN = 0.5  # price of a fold whose buffer takes all of its training


def assign_blocks(
    zones: Zones, shares: Sequence[float], generator: np.random.Generator, *, starts: int = 4
) -> list[IntArray]:
    """Divide blocks into parts.

    Args:
        zones: labelled pixels of the blocks by class. A zone is lost where a block near it
            goes to a later part than its own: training yields to validation and test.
        shares: of each part, adding up to 1; a part of share 0 gets nothing. A class with
            one block is put into the first part, with two into the first and the last.
        generator: draws the order of trials, where not all divisions are tried.
        starts: how many divisions to return; one where blocks are many.

    Returns:
        Divisions, ``(blocks,)`` part of each block, the best first.
    """
    return _search(_Problem.of(zones, shares), generator, starts)


def assign_folds(zones: Zones, k: int, generator: np.random.Generator) -> IntArray:
    """Divide blocks into folds of like size, each of which is held out in turn.

    While a fold is held out, the zones that its blocks come near to do not train: what the
    buffer takes so is kept low, and every class is kept in every training.

    Args:
        zones: labelled pixels of the blocks by class.
        k: how many folds.
        generator: see ``assign_blocks``.

    Returns:
        ``(blocks,)`` fold of each block, 0..k-1.
    """
    shares = [1.0 / k] * k
    return _search(_Problem.of(zones, shares, in_turn=bool(len(zones.near))), generator, 4)[0]


def _search(problem: _Problem, generator: np.random.Generator, starts: int) -> list[IntArray]:
    """Return divisions, the cheapest first."""
    zones = problem.zones
    count = len(problem.usable) ** min(zones.blocks, 64)
    if count <= _ALL and count * len(zones.block) <= _WORK:
        return _best_of_all(problem, starts)
    if zones.blocks > _MANY:
        starts = 1
    found: list[tuple[float, int, IntArray]] = []
    for start in range(starts):
        parts, cost = _improve(problem, _greedy(problem, generator), generator)
        found.append((cost, start, parts))
    found.sort(key=lambda item: item[:2])
    return [parts for _, _, parts in found]


@dataclass(frozen=True, eq=False)
class _Problem:
    """What is divided, and what is wanted."""

    zones: Zones
    pixels: FloatArray  # (zones, classes + 1), shares of each class; last: of all pixels
    near: Any  # (zones, blocks) sparse, 1 where the block comes near; None without a buffer
    shares: FloatArray  # (parts,)
    wanted: FloatArray  # (parts, classes + 1) price of the class missing from the part
    in_turn: bool = False  # each part is held out in turn and the others train

    @classmethod
    def of(cls, zones: Zones, shares: Sequence[float], *, in_turn: bool = False) -> _Problem:
        from scipy.sparse import csr_matrix

        pixels = _relative(zones.counts)
        blocks = (zones.block_counts() > 0).sum(axis=0)
        wanted = np.zeros((len(shares), pixels.shape[1]))
        used = [part for part, share in enumerate(shares) if share > 0]
        # Importance: the first, then the last, then those between.
        order = [used[0], *([used[-1]] if len(used) > 1 else []), *used[1:-1]]
        for rank, part in enumerate(order):
            wanted[part, :-1] = np.where(blocks > rank, _MISSING * (len(order) - rank), 0.0)
        near = None
        if len(zones.near):
            ones = np.ones(len(zones.near), dtype=np.float32)
            where = (zones.near[:, 0], zones.near[:, 1])
            near = csr_matrix((ones, where), shape=(len(zones.block), zones.blocks))
        return cls(zones, pixels, near, np.asarray(shares, dtype=np.float64), wanted, in_turn)

    @property
    def usable(self) -> IntArray:
        """The parts that have a share."""
        return np.flatnonzero(self.shares > 0)

    def costs(self, divisions: IntArray) -> FloatArray:
        """Price ``(n, blocks)`` divisions: imbalance, and classes missing."""
        parts = divisions[:, self.zones.block]
        lost = np.zeros(parts.shape, dtype=bool)
        costs = np.zeros(len(divisions))
        if self.near is not None:
            for part in range(len(self.shares)):
                touched = (self.near @ (divisions == part).T.astype(np.float32)).T > 0
                if self.in_turn:
                    costs += self._price_of_training(parts != part, touched)
                else:
                    lost |= touched & (parts < part)
        for part, share in enumerate(self.shares):
            totals = ((parts == part) & ~lost).astype(np.float64) @ self.pixels
            costs += ((totals - share) ** 2).sum(axis=1)
            costs += (totals < 1e-9) @ self.wanted[part]
        return costs

    def _price_of_training(self, others: BoolArray, touched: BoolArray) -> FloatArray:
        """Price what a buffer leaves of ``(n, zones)`` others to train on."""
        left = (others & ~touched).astype(np.float64) @ self.pixels
        before = others.astype(np.float64) @ self.pixels[:, -1]
        taken = 1 - left[:, -1] / np.maximum(before, 1e-9)
        gone = (left < 1e-9) @ self.wanted[0]
        return np.asarray(_TAKEN * taken + gone)


def _best_of_all(problem: _Problem, most: int) -> list[IntArray]:
    """Price every division; return the cheapest ones, the best first."""
    usable, blocks = problem.usable, problem.zones.blocks
    place = len(usable) ** np.arange(blocks)  # a division is a number with a digit a block
    count = len(usable) ** blocks
    found: list[tuple[float, int]] = []
    for start in range(0, count, _AT_ONCE):
        numbers = np.arange(start, min(start + _AT_ONCE, count))
        costs = problem.costs(usable[numbers[:, None] // place % len(usable)])
        cheapest = np.argsort(costs, kind="stable")[:most]
        found += [(float(costs[row]), int(numbers[row])) for row in cheapest]
    return [usable[number // place % len(usable)] for _, number in sorted(found)[:most]]


def _relative(counts: IntArray) -> FloatArray:
    """Counts as shares of their class, and a last column of shares of all pixels.

    Parts should have their share of the pixels too, not only of each class.
    """
    total = np.maximum(counts.sum(axis=0), 1)
    size = counts.sum(axis=1, keepdims=True) / max(int(counts.sum()), 1)
    return np.concatenate([counts / total, size], axis=1)


def _greedy(problem: _Problem, generator: np.random.Generator) -> IntArray:
    """Rarest class first: give its largest blocks to the part that lacks it most."""
    counts = _relative(problem.zones.block_counts())
    blocks, columns = counts.shape
    usable, shares = problem.usable, problem.shares[problem.usable]
    need = np.repeat(shares[:, None], columns, axis=1)
    parts = np.full(blocks, usable[0], dtype=np.int64)
    free = np.ones(blocks, dtype=bool)
    noise = generator.random(blocks)
    by_rarity = np.argsort((counts[:, :-1] > 0).sum(axis=0), kind="stable")
    for column in by_rarity:
        price = problem.wanted[usable, column]
        own = np.flatnonzero(free & (counts[:, column] > 0))
        # Blocks of like size come in a drawn order, so that starts differ.
        for block in own[np.lexsort((noise[own], -np.round(counts[own, column], 2)))]:
            missing = price * (need[:, column] >= shares)
            chosen = int(np.argmax(need[:, column] + need[:, -1] * 1e-3 + missing))
            parts[block] = usable[chosen]
            need[chosen] -= counts[block]
        free[own] = False
    return parts


def _improve(
    problem: _Problem, parts: IntArray, generator: np.random.Generator
) -> tuple[IntArray, float]:
    """Take the best of some drawn moves and swaps, again and again while it helps."""
    cost = float(problem.costs(parts[None])[0])
    if len(problem.usable) < 2 or len(parts) < 2:
        return parts, cost
    cells = len(problem.zones.block) * _CANDIDATES
    # Of very many zones nothing is drawn: the greedy start is as good, and candidates need memory.
    work = cells * max(len(problem.shares) / 3, 1.0) if problem.in_turn else cells
    steps = min(_STEPS, int(_WORK // work)) if cells <= _MOST_CELLS else 0
    stalled = 0
    for _ in range(steps):
        tried = _candidates(parts, problem.usable, generator)
        costs = problem.costs(tried)
        best = int(costs.argmin())
        stalled += 1
        if costs[best] < cost - 1e-9:
            parts, cost, stalled = tried[best], float(costs[best]), 0
        if stalled >= _STALLED:
            break
    return parts, cost


def _candidates(parts: IntArray, usable: IntArray, generator: np.random.Generator) -> IntArray:
    """Draw divisions that differ from one by a move (even rows) or a swap (odd rows)."""
    tried = np.repeat(parts[None], _CANDIDATES, axis=0)
    draws = generator.integers(0, len(parts), size=(_CANDIDATES, 2))
    target = usable[generator.integers(0, len(usable), size=_CANDIDATES)]
    row = np.arange(_CANDIDATES)
    swap = row % 2 == 1
    one, other = draws.T
    tried[row, one] = np.where(swap, parts[other], target)
    tried[row[swap], other[swap]] = parts[one[swap]]
    return tried
