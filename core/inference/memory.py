"""How much memory a network needs, without computing anything."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def peak_bytes(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the most bytes that inputs and activations of one block take at a time.

    The forward pass runs on the meta device, where tensors have shapes and no values.

    Args:
        network: in evaluation mode.
        inputs: channels of every pixel.
        height: rows of the network's output.
        width: columns of the network's output.
    """
    import torch

    shadow = copy.deepcopy(network).to("meta")
    margin = 2 * int(network.radius)  # type: ignore[arg-type]
    with torch.inference_mode(), _ledger() as ledger:
        values = torch.empty(
            (1, height + margin, width + margin, inputs), device="meta", dtype=torch.float32
        )
        # The scores' softmax is one more copy of them.
        shadow(values.permute(0, 3, 1, 2)).softmax(1)
    return int(ledger.peak)


def _ledger() -> Any:
    """A context that adds up the storages alive after every operation."""
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
