"""Class-conditional synthetic rows: a Gaussian mixture in the space of few principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gliomics.errors import ValidationDesignError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gliomics.synthesis.settings import PcaGmmSettings

RANGE_MARGIN = 0.1
"""A synthetic value may leave the range of the training values by this share of it, but not cross zero."""


class PcaGmmSampler(BaseEstimator):  # type: ignore[misc]
    """Draw synthetic rows of each class from a Gaussian mixture over principal components.

    Rows are imputed by the median, scaled and projected on at most n / `max_rows_per_dimension` principal
    components of all training rows. A class with at least `small_class` rows gets a mixture of 1 to
    `max_components` Gaussians, chosen by BIC; a smaller one a single Gaussian around its mean with the shrunk
    within-class covariance of all classes; a class below `min_class` is refused. A draw goes back to feature
    space, is kept within the training range of each column (`RANGE_MARGIN`; a column that is never negative
    stays so, and the other way round), and is given the pattern of missing values of a real row of its class.

    Parameters
    ----------
    factor : float
        Rows after augmentation divided by real rows, in `fit_resample`.
    balance : bool
        Whether `fit_resample` fills all classes up to the same size.
    max_rows_per_dimension, small_class, min_class, max_components : int
        As above.
    random_state : int, RandomState or None
        Of the mixtures and the draws.

    Attributes
    ----------
    classes_ : array, shape (c,)
        Class labels, sorted.
    class_counts_ : array of int, shape (c,)
        Rows of each class that it was fitted on.
    n_dimensions_ : int
        Principal components in use.
    n_components_ : tuple of int
        Gaussians of each class.

    References
    ----------
    PROTOCOL 7.
    """

    def __init__(
        self,
        *,
        factor: float = 5.0,
        balance: bool = True,
        max_rows_per_dimension: int = 4,
        small_class: int = 20,
        min_class: int = 4,
        max_components: int = 3,
        random_state: Any = None,
    ) -> None:
        self.factor = factor
        self.balance = balance
        self.max_rows_per_dimension = max_rows_per_dimension
        self.small_class = small_class
        self.min_class = min_class
        self.max_components = max_components
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> PcaGmmSampler:
        """Learn the distribution of each class.

        Parameters
        ----------
        X : array of float, shape (n, p)
            Training rows, missing as NaN.
        y : array, shape (n,)
            Their classes.

        Returns
        -------
        PcaGmmSampler
            Itself.

        Raises
        ------
        ValidationDesignError
            If a class has fewer than `min_class` rows.
        """
        checked, labels = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        check_classification_targets(labels)
        self._random = check_random_state(self.random_state)
        self.classes_, self.class_counts_ = np.unique(labels, return_counts=True)
        _refuse_small(self.classes_, self.class_counts_, self.min_class)
        self._missing = {label: np.isnan(checked[labels == label]) for label in self.classes_}
        self._imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(checked)
        filled = self._imputer.transform(checked)
        self._low, self._high = _plausible_range(filled)
        self._scaler = StandardScaler().fit(filled)
        latent = self._fit_pca(self._scaler.transform(filled))
        self._mixtures = {label: self._mixture(latent, labels, label) for label in self.classes_}
        self.n_components_ = tuple(len(m.weights_) for m in self._mixtures.values())
        return self

    def sample(self, counts: dict[Any, int]) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Draw rows.

        Parameters
        ----------
        counts : dict
            Number of rows of each class.

        Returns
        -------
        X : array of float, shape (m, p)
            Synthetic rows, missing as NaN, class after class.
        y : array, shape (m,)
            Their classes.
        """
        check_is_fitted(self)
        rows, labels = [np.empty((0, self.n_features_in_))], [np.empty(0, dtype=self.classes_.dtype)]
        for label, count in counts.items():
            if count > 0:
                rows.append(self._draw(label, count))
                labels.append(np.full(count, label, dtype=self.classes_.dtype))
        return np.concatenate(rows), np.concatenate(labels)

    def fit_resample(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Fit, and return the given rows followed by synthetic ones.

        Parameters
        ----------
        X : array of float, shape (n, p)
            Training rows.
        y : array, shape (n,)
            Their classes.

        Returns
        -------
        X : array of float, shape (about factor * n, p)
            The rows as given, then the synthetic ones.
        y : array, shape (about factor * n,)
            Their classes.
        """
        self.fit(X, y)
        given = np.asarray(X, dtype=np.float64)
        drawn, labels = self.sample(self.wanted())
        return np.concatenate([given, drawn]), np.concatenate([np.asarray(y), labels])

    def wanted(self) -> dict[Any, int]:
        """Count the synthetic rows of each class that `factor` and `balance` ask for."""
        check_is_fitted(self)
        total = self.factor * self.class_counts_.sum()
        if self.balance:
            goal = np.full(len(self.classes_), max(total / len(self.classes_), self.class_counts_.max()))
        else:
            goal = self.factor * self.class_counts_
        return {
            label: round(float(size)) - int(count)
            for label, size, count in zip(self.classes_, goal, self.class_counts_, strict=True)
        }

    def _fit_pca(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        n, p = scaled.shape
        size = max(1, min(n // self.max_rows_per_dimension, p))
        self._pca = PCA(n_components=size, svd_solver="full").fit(scaled)
        self.n_dimensions_ = size
        latent: NDArray[np.float64] = self._pca.transform(scaled)
        return latent

    def _mixture(self, latent: NDArray[np.float64], labels: NDArray[Any], label: Any) -> GaussianMixture:
        of_class = latent[labels == label]
        if len(of_class) < self.small_class:
            return _single_gaussian(of_class.mean(axis=0), self._shared_covariance(latent, labels))
        seed = self._random.randint(2**31)
        fitted = [
            GaussianMixture(k, covariance_type=kind, reg_covar=1e-3, random_state=seed).fit(of_class)
            for k in range(1, min(self.max_components, len(of_class) // 10) + 1)
            for kind in ("full", "diag")
        ]
        return min(fitted, key=lambda mixture: float(mixture.bic(of_class)))

    def _shared_covariance(self, latent: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
        centred = latent.copy()
        for label in self.classes_:
            centred[labels == label] -= latent[labels == label].mean(axis=0)
        covariance: NDArray[np.float64] = LedoitWolf(assume_centered=True).fit(centred).covariance_
        return covariance

    def _draw(self, label: Any, count: int) -> NDArray[np.float64]:
        mixture = self._mixtures[label]
        which = self._random.choice(len(mixture.weights_), size=count, p=mixture.weights_)
        noise = self._random.standard_normal((count, self.n_dimensions_))
        latent = mixture.means_[which] + np.einsum("nij,nj->ni", _roots(mixture)[which], noise)
        rows = self._scaler.inverse_transform(self._pca.inverse_transform(latent))
        rows = np.clip(rows, self._low, self._high)
        patterns = self._missing[label]
        rows[patterns[self._random.randint(len(patterns), size=count)]] = np.nan
        return np.asarray(rows, dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that gaps are welcome and labels are needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def pca_gmm_sampler(settings: PcaGmmSettings) -> PcaGmmSampler:
    """Make the unfitted sampler of some settings."""
    return PcaGmmSampler(**settings.model_dump())


def describe_pca_gmm(settings: PcaGmmSettings) -> str:
    """Say in the methods text what the rows are drawn from."""
    return (
        f"a class-conditional Gaussian mixture in PCA space (PCA-GMM), {settings.factor:g} rows for each "
        "real one"
    )


def _refuse_small(classes: NDArray[Any], counts: NDArray[np.int64], needed: int) -> None:
    if counts.min() < needed:
        raise ValidationDesignError(
            where="PCA-GMM sampler",
            expected=f"every class must have at least {needed} rows",
            got=f"{counts.min()} of class {classes[counts.argmin()]}",
            fix="Bring more patients, or leave Dataset 2 out.",
        )


def _plausible_range(filled: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = filled.min(axis=0), filled.max(axis=0)
    margin = RANGE_MARGIN * (high - low)
    floor = np.where(low >= 0, np.maximum(low - margin, 0.0), low - margin)
    ceiling = np.where(high <= 0, np.minimum(high + margin, 0.0), high + margin)
    return floor, ceiling


def _single_gaussian(mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> GaussianMixture:
    mixture = GaussianMixture(1, covariance_type="full")
    mixture.weights_, mixture.means_, mixture.covariances_ = np.ones(1), mean[None], covariance[None]
    return mixture


def _roots(mixture: GaussianMixture) -> NDArray[np.float64]:
    """Square roots of the components' covariances, shape (k, d, d)."""
    if mixture.covariance_type == "diag":
        deviations = np.sqrt(mixture.covariances_)
        return np.asarray(deviations[:, :, None] * np.eye(deviations.shape[1]), dtype=np.float64)
    jitter = 1e-10 * np.eye(mixture.means_.shape[1])
    return np.asarray(np.linalg.cholesky(mixture.covariances_ + jitter), dtype=np.float64)
