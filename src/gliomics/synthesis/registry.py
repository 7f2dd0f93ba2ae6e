"""What makes synthetic rows: a new sampler is a module beside this one, and an entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gliomics.errors import look_up
from gliomics.synthesis.pca_gmm import describe_pca_gmm, pca_gmm_sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from gliomics.synthesis.settings import AugmentationSettings


@dataclass(frozen=True)
class Sampler:
    """A kind of synthetic rows.

    Attributes
    ----------
    make : callable
        Makes the unfitted scikit-learn estimator, with ``random_state`` and ``fit_resample`` (given rows
        first, then synthetic ones).
    describe : callable
        Says in the methods text what the rows are drawn from.
    """

    make: Callable[[AugmentationSettings], Any]
    describe: Callable[[AugmentationSettings], str]


SAMPLERS: Final[dict[str, Sampler]] = {
    "pca_gmm": Sampler(
        make=lambda settings: pca_gmm_sampler(settings.pca_gmm),
        describe=lambda settings: describe_pca_gmm(settings.pca_gmm),
    ),
}


def get_sampler(settings: AugmentationSettings) -> Sampler:
    """Look up the sampler that the settings name.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(SAMPLERS, settings.sampler, where="augmentation.sampler", what="sampler")


def make_sampler(settings: AugmentationSettings) -> Any:
    """Make the unfitted sampler that the settings name."""
    return get_sampler(settings).make(settings)
