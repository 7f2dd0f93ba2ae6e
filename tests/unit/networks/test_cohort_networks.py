"""The whole stage on small cohorts: resumable, leak-proof, honest about what is untrained."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from gliomics.cohort.permutations import permutation_orders
from gliomics.compute import ComputeSettings
from gliomics.lineage.case_store import CaseStore
from gliomics.networks import encoding
from gliomics.networks.settings import (
    Cnn3dSettings,
    InferenceSettings,
    MedicalNetSettings,
    PermutationControlSettings,
    TrainingSettings,
    VariationSettings,
)
from gliomics.networks.training import fold_networks, light_network
from gliomics.networks.training.cohort_networks import EmbeddingNetworks, embed_cohort, train_cohort
from gliomics.networks.training.fold_networks import train_networks
from gliomics.networks.training.fold_plan import FoldDesign, design_folds
from network_cases import put_crops

ONE, TWO = ComputeSettings(workers=1), ComputeSettings(workers=2)
NO_MEDICALNET = MedicalNetSettings(enabled=False, weights="untrained")
SEED = 11
STILL = VariationSettings(
    flip_probability=0, affine_probability=0, intensity_scale=0, intensity_shift=0, noise_sd=0
)


def cohort(n: int, edge: int = 16) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Patients with balanced random labels and four folds, and images of noise with a mark of their own.

    The mark says who a patient is and nothing of the label: a network can only know the label of a patient
    whom it was trained on.
    """
    rng = np.random.default_rng(5)
    subjects = [f"P{k:02d}" for k in range(n)]
    labels = np.arange(n) % 2
    fold = np.concatenate([rng.permutation(np.arange(n // 2) % 4) for _ in (0, 1)]).reshape(2, -1).T.ravel()
    crops = {}
    for subject in subjects:
        mark = rng.normal(size=(1, 4, 4, 4, 4)).repeat(4, axis=2).repeat(4, axis=3).repeat(4, axis=4)
        crops[subject] = (2 * mark + 0.3 * rng.normal(size=(1, 4, edge, edge, edge))).astype(np.float16)
    patients = pd.DataFrame({"subject_id": subjects, "benefit": labels})
    folds = pd.DataFrame({"subject_id": subjects, "repeat": 0, "fold": fold})
    return patients, folds, crops


def run(patients, folds, index, store, settings, *, compute=ONE, medicalnet=NO_MEDICALNET):
    networks, curves = train_cohort(patients, folds, index, store, settings, compute=compute, seed=SEED)
    both = EmbeddingNetworks(settings, medicalnet, InferenceSettings(device="cpu"))
    made = embed_cohort(index, networks, folds, store, both, compute=compute, seed=SEED)
    return networks, curves, made


def test_every_patient_gets_a_row_of_every_network_and_nothing_of_the_final_one_leaks_in(store, quick):
    patients, folds, crops = cohort(16)
    crops["U1"] = crops["P00"] + np.float16(1)  # unlabelled, in the folds
    crops["X1"] = crops["P00"] - np.float16(1)  # not eligible: in no fold
    folds = pd.concat([folds, pd.DataFrame({"subject_id": ["U1"], "repeat": 0, "fold": 2})])
    networks, curves, made = run(patients, folds, put_crops(store, crops), store, quick)
    table = made.embeddings
    assert len(table) == 2 * 4 * 17
    assert set(table["weights"]) == {"trained_in_fold"}
    counts = table.groupby(["permutation", "fold"])["subject_id"].nunique()
    assert set(counts) == {17}
    tested = table[table["role"] == "test"].groupby("permutation")["subject_id"].apply(sorted)
    assert all(names == sorted([*patients["subject_id"], "U1"]) for names in tested)
    mine = table[(table["subject_id"] == "U1") & (table["role"] == "test")]
    assert mine["fold"].tolist() == [2, 2]
    observed = table[(table["permutation"] == 0) & (table["role"] == "test")]
    truth = folds.set_index("subject_id")["fold"]
    assert (observed["fold"].to_numpy() == truth[observed["subject_id"]].to_numpy()).all()
    assert set(made.final_embeddings["weights"]) == {"trained_on_all"}
    assert sorted(made.final_embeddings["subject_id"]) == sorted(crops)
    assert made.summary["cnn3d"]["status"] == networks["status"] == "trained"
    assert len(networks["networks"]) == 9
    assert len(curves) == 9 * 2
    assert curves["fold"].isna().sum() == 2


def test_one_and_two_workers_give_the_same_bytes(tmp_path, quick):
    patients, folds, crops = cohort(16)
    made = []
    for compute in (ONE, TWO):
        store = CaseStore(tmp_path / str(compute.workers))
        made.append(run(patients, folds, put_crops(store, crops), store, quick, compute=compute))
    (one_networks, one_curves, one), (two_networks, two_curves, two) = made
    assert one_networks == two_networks
    pd.testing.assert_frame_equal(one_curves, two_curves, check_exact=True)
    pd.testing.assert_frame_equal(one.embeddings, two.embeddings, check_exact=True)
    pd.testing.assert_frame_equal(one.final_embeddings, two.final_embeddings, check_exact=True)


def test_a_killed_run_goes_on_where_it_was_and_other_settings_train_anew(store, quick, monkeypatch):
    patients, folds, crops = cohort(16)
    index = put_crops(store, crops)
    trained: list[int] = []
    train = light_network.train_network

    def counted(*arguments):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(1)
        return train(*arguments)

    monkeypatch.setattr(light_network, "train_network", counted)
    with pytest.raises(KeyboardInterrupt):
        run(patients, folds, index, store, quick)
    trained.clear()
    monkeypatch.setattr(light_network, "train_network", lambda *a: trained.append(1) or train(*a))
    resumed = run(patients, folds, index, store, quick)[2]
    assert len(trained) == 9 - 3
    trained.clear()
    again = run(patients, folds, index, store, quick)[2]
    assert trained == []
    pd.testing.assert_frame_equal(resumed.embeddings, again.embeddings, check_exact=True)
    run(patients, folds, index, store, quick.model_copy(update={"dropout": 0.5}))
    assert len(trained) == 9
    trained.clear()
    patients.loc[0, "benefit"] = 1  # one label: the fold that tests P00 keeps its network
    few = quick.model_copy(update={"permutation_control": PermutationControlSettings(n=0)})
    run(patients, folds, index, store, few)
    assert len(trained) == 3 + 1


def test_no_image_of_a_test_patient_ever_reaches_a_network_in_training(store, quick, monkeypatch):
    """Spy on the only loader: what it hands out while a network is trained carries no test patient's mark."""
    patients, folds, crops = cohort(16)
    mark = np.float16(77)
    index = put_crops(
        store, {s: np.concatenate([c, np.full_like(c, mark + n)]) for n, (s, c) in enumerate(crops.items())}
    )
    seen: list[set[float]] = []
    shown: list[np.ndarray] = []
    load = fold_networks.load_crops
    batches = light_network._batches

    def spy_on_loader(store, keys):
        loaded = load(store, keys)
        seen.append({float(array[1].max()) for array in loaded.values()})
        return loaded

    def spy_on_batches(*arguments):
        for subjects, batch in batches(*arguments):
            shown.append((len(seen), batch.numpy()))
            yield subjects, batch

    monkeypatch.setattr(fold_networks, "load_crops", spy_on_loader)
    monkeypatch.setattr(light_network, "_batches", spy_on_batches)
    still = quick.model_copy(update={"variation": STILL})
    networks = run(patients, folds, index, store, still)[0]["networks"]
    marks = {s: float(mark + n) for n, s in enumerate(crops)}
    assert len(seen) == len(networks) == 9
    for number, (network, loaded) in enumerate(zip(networks, seen, strict=True), start=1):
        allowed = {marks[s] for s in network["train_subjects"]}
        forbidden = {marks[s] for s in network["test_subjects"]}
        assert loaded == allowed
        in_batches = {
            float(m) for place, b in shown if place == number for m in b.reshape(len(b), -1).min(axis=1)
        }
        assert in_batches & allowed
        assert not in_batches & forbidden


class LeakyDesign(FoldDesign):
    """What the product must not do: the patients of the fold train its network too."""

    def task(self, sampling, permutation, repeat, fold):
        honest = super().task(sampling, permutation, repeat, fold)
        everybody = sorted((image, self.labels[pair]) for pair, image in self._pairs(permutation))
        return type(honest)(
            sampling,
            permutation,
            repeat,
            fold,
            tuple(s for s, _ in everybody),
            tuple(y for _, y in everybody),
            honest.test_subjects,
        )


N, B = 40, 6
MEMORISING = Cnn3dSettings(
    channels=(8, 8, 16, 16),
    dimensions=8,
    dropout=0.0,
    variation=STILL,
    permutation_control=PermutationControlSettings(n=B),
    training=TrainingSettings(epochs=40, batch_size=8, learning_rate=0.01, weight_decay=0.0),
)


def permuted_aucs(design: FoldDesign, index: pd.DataFrame, store: CaseStore) -> np.ndarray:
    """Within-fold AUC of a logistic regression on the vectors of each fold's network, per permutation."""
    keys = dict(zip(index["subject_id"], index["crop_key"], strict=True))
    tasks = [design.task("bounding_box", b, 0, fold) for b in range(1, B + 1) for fold in range(4)]
    trained = train_networks(tasks, {"bounding_box": keys}, store, MEMORISING, compute=TWO, seed=SEED)
    vectors = encoding.encode_cnn3d([(t.key, 0) for t in trained], keys, store, MEMORISING, compute=TWO)
    subjects, labels = list(design.labels), np.array(list(design.labels.values()))
    aucs = np.empty((B, 4))
    for task, found in zip(tasks, vectors, strict=True):
        order = design.orders[task.permutation - 1]
        X = np.stack([found[subjects[row]][0] for row in order])
        in_fold = np.array([design.folds[0][s] for s in subjects]) == task.fold
        model = LogisticRegression().fit(X[~in_fold], labels[~in_fold])
        aucs[task.permutation - 1, task.fold] = roc_auc_score(
            labels[in_fold], model.decision_function(X[in_fold])
        )
    return aucs.mean(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("leaky", [False, True], ids=["the product", "a leaky variant"])
def test_supervised_networks_on_permuted_labels_are_at_chance_and_a_leaky_variant_is_not(leaky, store):
    patients, folds, crops = cohort(N)
    index = put_crops(store, crops)
    design = design_folds(patients, folds, list(crops), MEMORISING, SEED)
    np.testing.assert_array_equal(design.orders, permutation_orders(N, B, SEED))
    if leaky:
        design = LeakyDesign(design.labels, design.folds, design.usable, design.orders)
    aucs = permuted_aucs(design, index, store)
    bound = 0.5 + 3 * aucs.std(ddof=1) / np.sqrt(B)
    assert (aucs.mean() > bound) == leaky
    assert (aucs.mean() > 0.8) == leaky


def test_one_patient_cannot_train_a_network_and_gets_one_that_says_untrained_where_asked(store, quick):
    quick = quick.model_copy(update={"untrained_stand_in": True})
    patients, folds, crops = cohort(16)
    index = put_crops(store, {"P03": crops["P03"]})
    medicalnet = MedicalNetSettings(weights="untrained")
    networks, curves, made = run(patients, folds, index, store, quick, medicalnet=medicalnet)
    assert networks["status"] == "skipped"
    assert "bounding_box, permutation 0, repeat 0, fold" in networks["reason"]
    assert len(curves) == 0
    assert made.embeddings[["network", "weights"]].to_numpy().tolist() == [
        ["medicalnet", "untrained"],
        ["cnn3d", "untrained"],
    ]
    assert made.embeddings["fold"].isna().all()
    assert made.embeddings["role"].isna().all()
    assert len(made.final_embeddings) == 0
    assert made.summary["cnn3d"]["status"] == "untrained"
    assert made.summary["cnn3d"]["reason"] == networks["reason"]
    assert made.summary["medicalnet"]["status"] == "untrained"


def test_a_cohort_without_scans_gets_empty_tables_and_a_reason(store, quick):
    patients, folds, _ = cohort(16)
    index = pd.DataFrame(columns=["subject_id", "sampling", "n_crops", "crop_key", "affine"])
    medicalnet = MedicalNetSettings(weights="untrained")
    networks, curves, made = run(patients, folds, index, store, quick, medicalnet=medicalnet)
    assert (networks["status"], networks["reason"]) == ("skipped", "no patient has usable scans")
    assert len(made.embeddings) == len(made.final_embeddings) == len(made.patch_variance) == len(curves) == 0
    assert "role" in made.embeddings
    assert made.summary["medicalnet"] == {"status": "skipped", "reason": "no patient has usable scans"}
    assert made.summary["cnn3d"]["status"] == "skipped"


@pytest.mark.parametrize("off", ["cnn3d", "medicalnet"])
def test_each_network_can_be_switched_off(store, quick, off):
    patients, folds, crops = cohort(16)
    light = quick.model_copy(update={"enabled": off != "cnn3d"})
    medicalnet = MedicalNetSettings(enabled=off != "medicalnet", weights="untrained")
    made = run(patients, folds, put_crops(store, crops), store, light, medicalnet=medicalnet)[2]
    assert set(made.embeddings["network"]) == {"cnn3d", "medicalnet"} - {off}
    assert made.summary[off]["status"] == "disabled"
