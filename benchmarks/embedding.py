"""Speed of MedicalNet's embeddings from image files: the naive loop against ours, in one run.

The naive loop is what scripts do: for every patch and modality it loads the whole volume, normalises it,
cuts one patch and passes it alone, in float32, through the same network with the same weights. Ours reads
every file once and batches. Both sides see the same cases, cubes and weights and have as many threads or
processes, one after the other::

    python benchmarks/embedding.py                  # CPU
    python benchmarks/embedding.py --device cuda    # from cached crops, with the share of the card's peak
    python benchmarks/embedding.py --formats        # what memory format, bfloat16 and compilation bring here
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import torch
from gliomics.networks.medicalnet.frozen_weights import Weights
from scipy.ndimage import map_coordinates
from torch.utils.flop_counter import FlopCounterMode

from gliomics.compute import ComputeSettings, fresh_workers
from gliomics.lineage.case_store import CaseStore
from gliomics.networks.encoding import encode_medicalnet, one_channel_each
from gliomics.networks.inference import encode_on_device
from gliomics.networks.medicalnet.network import build_medicalnet
from gliomics.networks.sampling.cohort_crops import sample_cohort
from gliomics.networks.sampling.crops import crop_keys, load_crops
from gliomics.networks.settings import InferenceSettings, MedicalNetSettings, SamplingSettings

SUBJECT = "TCGA-FG-6692"
SETTINGS = SamplingSettings()
WEIGHTS = Weights("untrained", None, 1)
SEED = 1


def main() -> None:
    """Parse the command line and run the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--cases", type=int, default=40, help="cases that ours embeds")
    parser.add_argument("--naive-cases", type=int, default=2, help="cases that the naive loop embeds")
    parser.add_argument("--workers", type=int, default=2, help="our processes, and the naive loop's threads")
    parser.add_argument("--formats", action="store_true")
    arguments = parser.parse_args()
    if arguments.formats:
        compare_formats(arguments.workers)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = prepare_cases(folder, max(arguments.cases, arguments.naive_cases))
        if arguments.device == "cuda":
            measure_gpu(folder, manifest)
        else:
            compare(folder, manifest, arguments)


def compare(folder: Path, manifest: pd.DataFrame, arguments: argparse.Namespace) -> None:
    """Run both sides from files to vectors and print seconds, ratio and differences."""
    start = time.perf_counter()
    subjects = sorted(manifest["subject_id"].unique())[: arguments.cases]
    index, ours = embed(folder, manifest[manifest["subject_id"].isin(subjects)], arguments.workers)
    ours_each = (time.perf_counter() - start) / len(subjects)
    torch.set_num_threads(arguments.workers)
    start = time.perf_counter()
    theirs = {subject: naive(folder, index, subject) for subject in subjects[: arguments.naive_cases]}
    naive_each = (time.perf_counter() - start) / len(theirs)
    worst = min(
        float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))
        for subject, vectors in theirs.items()
        for a, b in zip(np.concatenate(list(ours[subject])), vectors, strict=True)
    )
    gap = max(float(np.abs(np.concatenate(list(ours[s])) - vectors).max()) for s, vectors in theirs.items())
    print(f"naive loop {naive_each:7.2f} s a case ({len(theirs)} cases, {arguments.workers} threads)")
    n, workers = len(subjects), arguments.workers
    print(f"gliomics   {ours_each:7.2f} s a case ({n} cases, {workers} processes, start included)")
    print(f"ratio {naive_each / ours_each:.1f}; smallest cosine {worst:.7f}; largest difference {gap:.1e}")


def embed(
    folder: Path, manifest: pd.DataFrame, workers: int
) -> tuple[pd.DataFrame, dict[str, list[np.ndarray]]]:
    """Embed with the product, from files, with an empty store."""
    store, compute = CaseStore(folder / "store"), ComputeSettings(workers=workers)
    outcomes = pd.DataFrame(
        {"subject_id": manifest["subject_id"].unique(), "status": "processed", "code": None}
    )
    tables = sample_cohort(manifest, outcomes, folder, store, SETTINGS, compute=compute, seed=SEED)
    fresh_workers()
    medicalnet, inference = MedicalNetSettings(weights="untrained"), InferenceSettings(device="cpu")
    found: dict[str, list[np.ndarray]] = {}
    for sampling in SETTINGS.samplings:
        keys = crop_keys(tables.index, sampling)
        vectors, _ = encode_medicalnet(keys, WEIGHTS, store, medicalnet, inference, compute=compute)
        for subject, rows in vectors.items():
            found.setdefault(subject, []).append(rows)
    return tables.index, found


def naive(folder: Path, index: pd.DataFrame, subject: str) -> np.ndarray:
    """Embed one case patch by patch and modality by modality, loading the whole volume each time."""
    network, vectors = build_medicalnet(WEIGHTS.torch_seed), []
    rows = index[index["subject_id"] == subject].set_index("sampling").loc[list(SETTINGS.samplings)]
    for row in rows.itertuples():
        edge = getattr(SETTINGS, row.Index).voxels
        for affine in row.affine:
            passes = []
            for modality in SETTINGS.modalities:
                image = nib.load(folder / subject / f"{modality}.nii.gz")
                array = image.get_fdata(dtype=np.float32)
                patch = naive_patch(array, image.affine, np.reshape(affine, (4, 4)), edge)
                with torch.inference_mode():
                    passes.append(network(torch.from_numpy(patch)[None, None]).numpy()[0])
            vectors.append(np.mean(passes, axis=0))
    return np.stack(vectors)


def naive_patch(array: np.ndarray, affine: np.ndarray, cube: np.ndarray, edge: int) -> np.ndarray:
    """Normalise the whole volume and interpolate one patch from it."""
    brain = array[array != 0]
    scores = np.where(
        array != 0, np.clip((array - brain.mean()) / brain.std(), -SETTINGS.clip, SETTINGS.clip), 0
    )
    index = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij")).reshape(3, -1)
    to_voxel = np.linalg.inv(affine) @ cube
    places = to_voxel[:3, :3] @ index + to_voxel[:3, 3:]
    patch = map_coordinates(scores, places, order=1, mode="grid-constant", cval=0.0)
    return patch.reshape(edge, edge, edge).astype(np.float32)


def measure_gpu(folder: Path, manifest: pd.DataFrame) -> None:
    """Measure patients a minute on a GPU from cached crops, and the share of its peak in bfloat16."""
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device here")
    index, exact = embed(folder, manifest, 2)
    store, device = CaseStore(folder / "store"), torch.device("cuda")
    subjects = sorted(exact)
    copies = subjects * (1000 // len(subjects) + 1)
    network = build_medicalnet(WEIGHTS.torch_seed).to(device)

    # Cases of one shape a stream: the bounding boxes first, then the patches.
    seconds, worst = 0.0, 1.0
    for number, sampling in enumerate(SETTINGS.samplings):
        keys = crop_keys(index, sampling)
        loaded = (one_channel_each(load_crops(store, {s: keys[s]})[s]) for s in copies)
        torch.cuda.synchronize()
        start = time.perf_counter()
        stream = encode_on_device(network, loaded, device, batch=256, autocast=True)
        vectors = list(stream)
        torch.cuda.synchronize()
        seconds += time.perf_counter() - start
        for subject, rough in zip(copies[: len(subjects)], vectors, strict=False):
            wanted = exact[subject][number]
            got = rough.reshape(len(wanted), len(SETTINGS.modalities), -1).mean(axis=1)
            cosine = (wanted * got).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(got, axis=1)
            worst = min(worst, float(cosine.min()))
    name = torch.cuda.get_device_name()
    rate = 60 * len(copies) / seconds
    print(f"{name}: {rate:.0f} patients a minute from cached crops, bfloat16 cosine {worst:.5f}")
    print(f"{case_flops() * len(copies) / seconds / 1e12:.1f} TFLOP/s; compare with the card's bfloat16 peak")


def case_flops() -> float:
    """Count the floating-point operations of a case's convolutions."""
    network, total = build_medicalnet(), 0
    sizes = {"bounding_box": 1, "patches": SETTINGS.patches.n}
    for sampling, n in sizes.items():
        edge = getattr(SETTINGS, sampling).voxels
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 1, edge, edge, edge))
        total += n * len(SETTINGS.modalities) * counter.get_total_flops()
    return float(total)


def compare_formats(threads: int) -> None:
    """Time one case's patches in the ways that a CPU offers."""
    torch.set_num_threads(threads)
    crops = torch.from_numpy(np.random.default_rng(0).normal(size=(24, 1, 32, 32, 32)).astype(np.float32))
    network = build_medicalnet(1)
    last = torch.channels_last_3d
    ways = {
        "float32": lambda: network(crops),
        "float32, one by one": lambda: [network(crop[None]) for crop in crops],
        "float32, channels last": lambda: network(crops.contiguous(memory_format=last)),
        "bfloat16": lambda: autocast(network, crops),
        "bfloat16, channels last": lambda: autocast(network, crops.contiguous(memory_format=last)),
        "float32, compiled": None,
    }
    for name, way in ways.items():
        start = time.perf_counter()
        chosen = way
        if chosen is None:
            compiled = torch.compile(network)

            def chosen(compiled=compiled):
                return compiled(crops)

        with torch.inference_mode():
            try:
                chosen()
            except Exception as error:  # noqa: BLE001 (a compiler may be missing here)
                print(f"{name:26s} not possible here: {type(error).__name__}")
                continue
            first = time.perf_counter() - start
            times = []
            for _ in range(5):
                start = time.perf_counter()
                chosen()
                times.append(time.perf_counter() - start)
        print(f"{name:26s} {min(times):6.3f} s for 24 patches of 32 (first call {first:.1f} s)")


def autocast(network: torch.nn.Module, crops: torch.Tensor) -> torch.Tensor:
    """Pass crops in bfloat16."""
    with torch.autocast("cpu", torch.bfloat16):
        return network(crops)


def prepare_cases(folder: Path, n: int) -> pd.DataFrame:
    """Put copies of a case into a folder: the real patient where there is one, else a generated case."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    real = Path(os.environ.get("GLIOMICS_REAL_DATA", default)) / "tcga_lgg" / "images" / SUBJECT
    source = folder / "source"
    source.mkdir()
    for name in (*SETTINGS.modalities, "seg"):
        if real.is_dir():
            shutil.copyfile(real / f"{SUBJECT}_{name}.nii.gz", source / f"{name}.nii.gz")
        else:
            array = generated(name)
            nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1.0, 1.0, 1.0])), source / f"{name}.nii.gz")
    print(f"case: {f'real patient {SUBJECT}' if real.is_dir() else 'generated'}, copied {n} times")
    rows = []
    for number in range(n):
        subject = f"CASE-{number:03d}"
        shutil.copytree(source, folder / subject)
        for name in (*SETTINGS.modalities, "seg"):
            path = folder / subject / f"{name}.nii.gz"
            rows.append(
                {
                    "subject_id": subject,
                    "modality": "mask" if name == "seg" else name,
                    "path": path.relative_to(folder).as_posix(),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
            )
    return pd.DataFrame(rows)


def generated(name: str) -> np.ndarray:
    """Make an image, or the segmentation, of 240 x 240 x 155."""
    grid = np.indices((240, 240, 155), dtype=np.float32)
    away = sum((g - c) ** 2 for g, c in zip(grid, (150, 100, 85), strict=True)) ** 0.5
    if name == "seg":
        return np.select([away < 9, away < 13, away < 19.3], [1, 4, 2], 0).astype(np.uint8)
    brain = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, (120, 120, 78), (70, 88, 65), strict=True)) < 1
    noise = np.random.default_rng(len(name)).normal(0, 30, brain.shape)
    return ((400 + noise + 100 * (away < 19.3)) * brain).astype(np.int16)


if __name__ == "__main__":
    main()
