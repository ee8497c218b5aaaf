"""How much memory a computation takes: the tensors that are alive at a time, added up."""

from __future__ import annotations

from typing import Any


def ledger() -> Any:
    """Return a context whose ``peak`` is the most bytes that its operations' results took.

    On the meta device, where tensors have shapes and no values, nothing is computed.
    """
    from torch import Tensor
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Ledger(TorchDispatchMode):
        """Keeps a weak reference to every storage that an operation returned."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.peak = 0
            self._alive: dict[int, tuple[Any, int]] = {}

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            found = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(found):
                if isinstance(leaf, Tensor):
                    storage = leaf.untyped_storage()
                    reference = StorageWeakRef(storage)
                    self._alive[reference.cdata] = (reference, storage.nbytes())
            self._alive = {key: held for key, held in self._alive.items() if not held[0].expired()}
            self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
            return found

    return Ledger()
