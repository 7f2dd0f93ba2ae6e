"""The rankings that can be asked for by name, and recipes that use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gliomics.errors import SettingsError, look_up
from gliomics.learning.selection.mrmr import MrmrSelector
from gliomics.learning.selection.mutual_information import MutualInformationSelector
from gliomics.learning.selection.ranking import FeatureRanking, RankedSelector
from gliomics.learning.selection.stability_selection import LassoStabilitySelector
from gliomics.learning.settings import SelectionSettings
from gliomics.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gliomics.learning.recipes import Recipe

DEFAULT = "anova"


def _anova(k: int, settings: SelectionSettings, seed: int) -> RankedSelector:  # noqa: ARG001
    return RankedSelector(k, settings.max_correlation, settings.max_constant_share)


def _mutual_information(k: int, settings: SelectionSettings, seed: int) -> MutualInformationSelector:
    return MutualInformationSelector(
        k, settings.max_correlation, settings.max_constant_share, settings.neighbours, seed
    )


def _mrmr_quotient(k: int, settings: SelectionSettings, seed: int) -> MrmrSelector:  # noqa: ARG001
    return MrmrSelector(k, settings.max_correlation, settings.max_constant_share, "quotient")


def _mrmr_difference(k: int, settings: SelectionSettings, seed: int) -> MrmrSelector:  # noqa: ARG001
    return MrmrSelector(k, settings.max_correlation, settings.max_constant_share, "difference")


def _lasso_stability(k: int, settings: SelectionSettings, seed: int) -> LassoStabilitySelector:
    return LassoStabilitySelector(
        k, settings.max_correlation, settings.max_constant_share, settings.pairs, seed
    )


SELECTORS: Mapping[str, Callable[[int, SelectionSettings, int], FeatureRanking]] = {
    "anova": _anova,
    "lasso_stability": _lasso_stability,
    "mrmr_difference": _mrmr_difference,
    "mrmr_quotient": _mrmr_quotient,
    "mutual_information": _mutual_information,
}
"""Every ranking that can be asked for: makes the unfitted selector of the k best from settings and a seed."""


def ranking_types() -> list[str]:
    """Name the types of all rankings, which a saved model may hold."""
    made = [make(1, SelectionSettings(), 0) for make in SELECTORS.values()]
    return sorted({f"{type(one).__module__}.{type(one).__qualname__}" for one in made})


def get_selector(name: str) -> Callable[[int, SelectionSettings, int], FeatureRanking]:
    """Look a ranking up.

    Raises
    ------
    SettingsError
        If there is none of this name; lists the valid ones.
    """
    return look_up(SELECTORS, name, where="modelling.selection.methods", what="ranking")


@dataclass(frozen=True)
class SelectorMaker:
    """Makes the ranking of a recipe; importable and of plain values, so that workers can be given one.

    Attributes
    ----------
    method : str
        A name in `SELECTORS`.
    settings : SelectionSettings
        Thresholds.
    seed : int
        Of what a ranking draws, the same in every fold.
    """

    method: str
    settings: SelectionSettings
    seed: int

    def __call__(self, k: int) -> FeatureRanking:
        """Make the unfitted selector of the k best columns."""
        return get_selector(self.method)(k, self.settings, self.seed)


def with_selection(recipe: Recipe, arm: str, settings: SelectionSettings, seed: int) -> Recipe:
    """Give a recipe the ranking that the settings name for an arm.

    Parameters
    ----------
    recipe : Recipe
        How the arm is fitted; one that selects nothing is returned as it is.
    arm : str
        Its name.
    settings : SelectionSettings
        Methods by arm, and thresholds.
    seed : int
        The run's seed.

    Returns
    -------
    Recipe
        The same but for its ranking.

    Raises
    ------
    SettingsError
        If the method is unknown, or the arm has one and its recipe selects nothing.
    """
    method = settings.methods.get(arm, DEFAULT)
    get_selector(method)
    if not recipe.selects:
        if arm in settings.methods:
            raise SettingsError(
                where=f"modelling.selection.methods.{arm}",
                expected="the arm's estimator must select features",
                got=f"{recipe.name}, which selects none",
                fix="Take the arm out, or choose another estimator or reduction for it.",
            )
        return recipe
    drawn = int(generator(seed, f"selection of {arm}").integers(2**31 - 1))
    return recipe.ranked_by(SelectorMaker(method, settings, drawn))


def selection_figures(recipe: Recipe) -> dict[str, Any] | None:
    """Say how a recipe selects, ready for a JSON file; None when it selects nothing."""
    maker = recipe.ranking
    if not isinstance(maker, SelectorMaker):
        return None
    used = maker.settings.model_dump(include={"max_correlation", "max_constant_share"})
    return {"method": maker.method, "by_block": recipe.by_block, **used}
