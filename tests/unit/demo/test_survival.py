import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from gliomics.demo.survival import CUTOFF_DAYS, SHARES, draw_cohort, draw_latents

QUANTITIES = ("heterogeneity", "extent", "age", "grade")


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_true_auc_is_080_by_the_oracle_and_by_ridge_on_the_generating_quantities(seed: int):
    train, test = (draw_latents(20_000, np.random.default_rng([seed, part])) for part in (0, 1))
    assert roc_auc_score(test.benefit, -test.risk) == pytest.approx(0.80, abs=0.03)

    def table(latents):
        return np.column_stack([getattr(latents, name) for name in QUANTITIES])

    ridge = Ridge(alpha=1.0).fit(table(train), train.benefit)
    assert roc_auc_score(test.benefit, ridge.predict(table(test))) == pytest.approx(0.80, abs=0.03)


def test_each_quantity_shortens_survival():
    latents = draw_latents(20_000, np.random.default_rng(0))
    for name in QUANTITIES:
        assert np.corrcoef(getattr(latents, name), np.log(latents.survival_days))[0, 1] < -0.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [20, 40, 100])
def test_quotas_are_met_whatever_the_seed(n: int, seed: int):
    latents = draw_cohort(n, np.random.default_rng(seed))
    outcomes = [latents.outcome(i) for i in range(n)]
    assert outcomes.count("short") == int(SHARES["short"] * n)
    assert outcomes.count("censored") == int(SHARES["censored"] * n)
    assert len(outcomes) == n


def test_quotas_leave_the_distribution_within_a_class_untouched():
    free = draw_latents(40_000, np.random.default_rng(5))
    quota = draw_cohort(4_000, np.random.default_rng(6))
    for outcome in ("short", "long"):
        means = [
            np.mean([drawn.risk[i] for i in range(len(drawn.risk)) if drawn.outcome(i) == outcome])
            for drawn in (free, quota)
        ]
        assert means[0] == pytest.approx(means[1], abs=0.06)


def test_what_a_study_observes():
    latents = draw_latents(500, np.random.default_rng(7))
    for i in range(500):
        outcome = latents.outcome(i)
        if outcome == "short":
            assert latents.survival_days[i] < CUTOFF_DAYS
            assert latents.survival_days[i] <= latents.follow_up_days[i]
        elif outcome == "censored":
            assert latents.follow_up_days[i] < min(CUTOFF_DAYS, latents.survival_days[i])
        else:
            assert min(latents.survival_days[i], latents.follow_up_days[i]) >= CUTOFF_DAYS
