"""How an image is parametrised: its pixels, or Fourier coefficients of decorrelated colours.

Both are linear, so that the state may stay an image: a parametrisation is the metric in which the
optimiser steps. With ``image = D p`` the gradient of ``p`` is ``D^T`` times the image's, and a step
of ``p`` moves the image by ``D`` times that step. Every regulariser of the image goes with either.
"""

from collections.abc import Callable, Sequence

import torch

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of ImageNet's colours (Olah et al., 2017; lucid)."""


class Metric:
    """The parametrisation of each row of a batch.

    Parameters
    ----------
    parametrisations
        ``pixels`` or ``fourier``, one a row.
    size
        Height and width of the images.
    device, dtype
        Of the images.
    """

    def __init__(
        self,
        parametrisations: Sequence[str],
        size: tuple[int, int],
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        self._rows = [row for row, name in enumerate(parametrisations) if name == "fourier"]
        self._spectrum = spectrum(size).to(device=device, dtype=dtype)
        self._colours = colour_matrix().to(device=device, dtype=dtype)

    def to_parameters(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the parameters from that of the first ``n`` images."""
        return self._replaced(gradient, self._adjoint)

    def to_images(self, step: torch.Tensor) -> torch.Tensor:
        """Return how a step of the parameters moves the first ``n`` images."""
        return self._replaced(step, self._decode)

    def _replaced(
        self, values: torch.Tensor, change: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        rows = [row for row in self._rows if row < len(values)]
        if not rows:
            return values
        values = values.clone()
        values[rows] = change(values[rows])
        return values

    def _decode(self, parameters: torch.Tensor) -> torch.Tensor:
        planes = hartley(parameters * self._spectrum)
        return torch.einsum("ij,njhw->nihw", self._colours, planes)

    def _adjoint(self, gradient: torch.Tensor) -> torch.Tensor:
        planes = torch.einsum("ij,nihw->njhw", self._colours, gradient)
        return hartley(planes) * self._spectrum


def hartley(planes: torch.Tensor) -> torch.Tensor:
    """Return the orthonormal Hartley transform ``(..., H, W)``, which is its own inverse.

    It holds what the Fourier transform of a real image holds, in real numbers of the same shape.
    """
    transformed = torch.fft.fft2(planes, norm="ortho")
    return transformed.real - transformed.imag


def spectrum(size: tuple[int, int]) -> torch.Tensor:
    """Return the amplitude of each frequency ``(H, W)``, float64: natural images fall as 1/f.

    The mean square is one, so that a step of all coefficients is as long as one of all pixels.
    """
    rows, columns = (torch.fft.fftfreq(side, dtype=torch.float64) for side in size)
    frequency = (rows[:, None] ** 2 + columns[None, :] ** 2).sqrt()
    amplitude = 1 / frequency.clamp(min=1 / max(size))
    return amplitude / amplitude.square().mean().sqrt()


def colour_matrix() -> torch.Tensor:
    """Return what decorrelated colours are in RGB, a column each: ``(3, 3)``, float64.

    Columns are brightness, red against blue, and green against both; independent colours of unit
    variance give channels whose mean variance is one.
    """
    matrix = torch.tensor(COLOURS, dtype=torch.float64)
    return matrix / matrix.square().sum().sqrt() * 3**0.5
