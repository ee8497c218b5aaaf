"""How much memory a computation takes: the tensors that are alive at a time, added up."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


def ledger() -> Any:
    """Return a context whose ``peak`` is the most bytes that its operations' results took.

    On the meta device, where tensors have shapes and no values, nothing is computed.
    """
    return _ledger_class()()


@lru_cache
def _ledger_class() -> Any:
    """Make the class where it is asked for first: plans are imported without torch."""
    from torch import Tensor
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Ledger(TorchDispatchMode):
        """Keeps a weak reference to every storage that an operation returned."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.peak = 0
            self._known: dict[int, tuple[Any, int]] = {}
            self._sum = 0  # of the known, of which some are no longer alive

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            found = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(found):
                if isinstance(leaf, Tensor):
                    storage = leaf.untyped_storage()
                    self._note(StorageWeakRef(storage), storage.nbytes())
            # Who is still alive is only looked at where it may matter: most operations are small.
            if self._sum > self.peak:
                alive = {key: held for key, held in self._known.items() if not held[0].expired()}
                self._known, self._sum = alive, sum(size for _, size in alive.values())
                self.peak = max(self.peak, self._sum)
            return found

        def _note(self, reference: Any, size: int) -> None:
            """Take a storage up, in the place of a dead one that lay at the same address."""
            before = self._known.get(reference.cdata, (None, 0))[1]
            self._known[reference.cdata] = (reference, size)
            self._sum += size - before

    return Ledger
