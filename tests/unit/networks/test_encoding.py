"""Vectors: the same however they are computed, computed once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gliomics.compute import ComputeSettings, fresh_workers
from gliomics.networks import encoding
from gliomics.networks.cnn3d.network import build_cnn3d
from gliomics.networks.encoding import encode_cnn3d, encode_medicalnet, one_channel_each
from gliomics.networks.inference import encode_on_cpu, encode_on_device
from gliomics.networks.medicalnet.network import build_medicalnet
from gliomics.networks.medicalnet.weights import Weights
from gliomics.networks.sampling.crops import crop_keys
from gliomics.networks.settings import InferenceSettings, MedicalNetSettings
from gliomics.networks.tables import (
    KEY_COLUMNS,
    NetworkVectors,
    embeddings_table,
    patch_variance_table,
    pool,
)
from network_cases import put_crops

ONE, TWO = ComputeSettings(workers=1), ComputeSettings(workers=2)
UNTRAINED = Weights("untrained", None, 5)
MEDICALNET, CPU = MedicalNetSettings(weights="untrained"), InferenceSettings(device="cpu")


def some_crops(n: int, crops: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"P{k}": rng.normal(size=(crops, 2, 16, 16, 16)).astype(np.float16) for k in range(n)}


def medicalnet(keys, store, compute=ONE, settings=MEDICALNET):
    return encode_medicalnet(keys, UNTRAINED, store, settings, CPU, compute=compute)[0]


def test_medicalnet_takes_one_pass_a_modality_and_joins_as_configured(store):
    crops = some_crops(2, crops=3)
    keys = crop_keys(put_crops(store, crops, "patches"), "patches")
    network = build_medicalnet(5)
    with torch.inference_mode():
        alone = {
            s: np.stack(
                [
                    np.concatenate(
                        [
                            network(torch.from_numpy(c[m].astype(np.float32))[None, None]).numpy()[0]
                            for m in (0, 1)
                        ]
                    )
                    for c in array
                ]
            )
            for s, array in crops.items()
        }
    joined = medicalnet(
        keys, store, settings=MedicalNetSettings(weights="untrained", modalities="concatenate")
    )
    averaged = medicalnet(keys, store)
    for subject, expected in alone.items():
        assert joined[subject].shape == (3, 1024)
        np.testing.assert_allclose(joined[subject], expected, rtol=1e-4, atol=1e-5)
        mean = (expected[:, :512] + expected[:, 512:]) / 2
        np.testing.assert_allclose(averaged[subject], mean, rtol=1e-4, atol=1e-5)


def test_one_and_two_workers_give_the_same_bytes(store, tmp_path, quick):
    crops = some_crops(4)
    found = []
    fresh_workers()
    for compute in (ONE, TWO):
        own = type(store)(tmp_path / f"workers {compute.workers}")
        keys = crop_keys(put_crops(own, crops), "bounding_box")
        frozen = medicalnet(keys, own, compute)
        found.append([frozen, *encode_cnn3d([(None, 1), (None, 2)], keys, own, quick, compute=compute)])
    for one, two in zip(*found, strict=True):
        assert list(one) == list(two) == list(crops)
        assert all(one[s].tobytes() == two[s].tobytes() for s in one)


def test_a_vector_does_not_depend_on_who_else_is_there_and_is_computed_once(store, monkeypatch):
    crops = some_crops(3)
    keys = crop_keys(put_crops(store, crops), "bounding_box")
    loaded: list[str] = []
    load = encoding.load_crops
    monkeypatch.setattr(encoding, "load_crops", lambda store, keys: loaded.extend(keys) or load(store, keys))
    few = medicalnet({s: keys[s] for s in ("P0", "P2")}, store)
    everybody = medicalnet(keys, store)
    assert loaded == ["P0", "P2", "P1"]
    assert all(few[s].tobytes() == everybody[s].tobytes() for s in few)


def test_other_weights_and_other_crops_are_computed_anew(store):
    keys = crop_keys(put_crops(store, some_crops(1)), "bounding_box")
    first = medicalnet(keys, store)["P0"]
    other = encode_medicalnet(keys, Weights("untrained", None, 6), store, MEDICALNET, CPU, compute=ONE)[0][
        "P0"
    ]
    keys = crop_keys(put_crops(store, some_crops(1, seed=1)), "bounding_box")
    moved = medicalnet(keys, store)["P0"]
    assert len({array.tobytes() for array in (first, other, moved)}) == 3


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_the_device_path_gives_the_vectors_of_the_cpu_path(batch):
    crops = [one_channel_each(array) for array in some_crops(5, crops=2).values()]
    crops[2] = crops[2][:3]
    network = build_medicalnet(5)
    expected = [encode_on_cpu(network, array) for array in crops]
    found = list(encode_on_device(network, iter(crops), torch.device("cpu"), batch=batch, autocast=False))
    assert [len(vectors) for vectors in found] == [4, 4, 3, 4, 4]
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_bfloat16_stays_close():
    crops = [one_channel_each(array) for array in some_crops(2).values()]
    network = build_medicalnet(5)
    exact = np.concatenate([encode_on_cpu(network, array) for array in crops])
    rough = np.concatenate(
        list(encode_on_device(network, iter(crops), torch.device("cpu"), batch=8, autocast=True))
    )
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert rough.dtype == np.float32
    assert cosine.min() > 0.99
    assert (exact != rough).any()


def test_the_device_path_reads_ahead_but_not_the_whole_cohort():
    read: list[int] = []

    def cases():
        for number in range(8):
            read.append(number)
            yield np.zeros((1, 2, 16, 16, 16), dtype=np.float16)

    encode = build_cnn3d(2, _light(), 0).eval().encode
    stream = encode_on_device(encode, cases(), torch.device("cpu"), batch=1, autocast=False)
    next(stream)
    assert len(read) <= 3
    assert len(list(stream)) == 7


def test_a_reader_that_fails_stops_the_stream():
    def cases():
        yield np.zeros((1, 2, 16, 16, 16), dtype=np.float16)
        raise OSError("disk gone")

    encode = build_cnn3d(2, _light(), 0).eval().encode
    with pytest.raises(OSError, match="disk gone"):
        list(encode_on_device(encode, cases(), torch.device("cpu"), batch=1, autocast=False))


def _light():
    from network_cases import QUICK

    return QUICK


def test_missing_cases_go_through_the_stream_and_known_ones_do_not(store):
    keys = crop_keys(put_crops(store, some_crops(3)), "bounding_box")
    work = {s: f"{number:064d}" for number, s in enumerate(keys)}
    first = encoding._encode_missing_on_device(
        {"P1": keys["P1"]}, work, UNTRAINED, store, CPU, device=torch.device("cpu")
    )
    found = encoding._encode_missing_on_device(keys, work, UNTRAINED, store, CPU, device=torch.device("cpu"))
    assert list(found) == ["P0", "P1", "P2"]
    assert found["P1"].tobytes() == first["P1"].tobytes()
    assert found["P0"].shape == (1, 2, 512)


def vectors(network: str, sampling: str, fold: int | None, permutation: int = 0) -> NetworkVectors:
    crops = 2 if sampling == "patches" else 1
    made = {s: np.arange(crops * 3, dtype=np.float32).reshape(crops, 3) + n for n, s in enumerate("abc")}
    roles = {} if fold is None else {"a": "test", "b": "train"}
    weights = "untrained" if fold is None else "trained_in_fold"
    repeat = None if fold is None else 0
    return NetworkVectors(network, sampling, weights, permutation, repeat, fold, roles, made)


def test_the_table_keeps_its_contract():
    pooling = {"cnn3d": ("mean", "std", "max"), "medicalnet": ("mean",)}
    table = embeddings_table(
        [vectors("cnn3d", "patches", 2), vectors("medicalnet", "bounding_box", None)], pooling
    )
    assert tuple(table.columns[:8]) == KEY_COLUMNS
    assert list(table.columns[8:]) == [f"emb_{n:03d}" for n in range(9)]
    assert str(table["fold"].dtype) == str(table["repeat"].dtype) == "Int64"
    assert table["subject_id"].tolist() == ["a", "b", "a", "b", "c"]  # c is in no fold
    assert table["role"].tolist() == ["test", "train", None, None, None]
    assert table["fold"].isna().tolist() == [False, False, True, True, True]
    assert table.loc[0, "emb_000":].tolist() == [1.5, 2.5, 3.5, 1.5, 1.5, 1.5, 3.0, 4.0, 5.0]
    assert table.loc[4, "emb_000":"emb_002"].tolist() == [2.0, 3.0, 4.0]
    assert table.loc[2:, "emb_003":].isna().all(axis=None)
    assert set(map(str, table.dtypes[8:])) == {"float32"}


def test_an_empty_table_has_its_columns():
    table = embeddings_table([], {})
    assert tuple(table.columns) == KEY_COLUMNS
    assert len(patch_variance_table([])) == 0
    assert {"n_patches", "mean_variance"} <= set(patch_variance_table([]).columns)


def test_the_variance_between_patches_by_hand_and_for_observed_labels_only():
    table = patch_variance_table(
        [
            vectors("cnn3d", "patches", 2),
            vectors("cnn3d", "patches", 2, permutation=1),
            vectors("cnn3d", "bounding_box", 2),
        ]
    )
    assert table["subject_id"].tolist() == ["a", "b"]
    assert table["n_patches"].tolist() == [2, 2]
    assert table.loc[0, ["var_000", "var_001", "var_002"]].tolist() == [4.5, 4.5, 4.5]  # of 0 3, 1 4, 2 5
    assert table["mean_variance"].tolist() == [4.5, 4.5]


def test_pooling_follows_the_order_of_the_settings():
    array = np.array([[1, 5], [3, 1]], dtype=np.float32)
    assert pool(array, "patches", ("max", "mean")).tolist() == [3, 5, 2, 3]
    assert pool(array[:1], "bounding_box", ("max", "mean")).tolist() == [1, 5]
