"""Memory that is used again, because fresh memory costs as much time as what is written into it."""

import torch


class Buffers:
    """Lends flat tensors and takes them back.

    Parameters
    ----------
    device, dtype
        Of the tensors.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._device, self._dtype = device, dtype
        self._free: list[torch.Tensor] = []
        self._lent: dict[int, torch.Tensor] = {}

    def take(self, key: int, rows: int, columns: int) -> torch.Tensor:
        """Return an uninitialised table ``(rows, columns)``.

        Parameters
        ----------
        key
            Names the table when it is given back.
        """
        need = rows * columns
        fitting = [flat for flat in self._free if len(flat) >= need]
        if fitting:
            flat = min(fitting, key=len)
        elif self._free:
            # One that is too small makes way, so that no more is held than was in use at once.
            flat = max(self._free, key=len)
        else:
            flat = None
        if flat is not None:
            self._free = [other for other in self._free if other is not flat]
        if not fitting:
            flat = None
            flat = torch.empty(need, dtype=self._dtype, device=self._device)
        self._lent[key] = flat
        return flat[:need].view(rows, columns)

    def give_back(self, key: int) -> None:
        """Take a table back that nobody reads any more; one that was never lent is ignored."""
        flat = self._lent.pop(key, None)
        if flat is not None:
            self._free.append(flat)

    def give_back_all(self) -> None:
        """Take everything back, after a computation that was broken off."""
        for key in list(self._lent):
            self.give_back(key)
