"""Batches that depend on nothing but the data, the seed and the number of the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import IGNORE, Dataset
from edgeseg.core.types import Normalization
from edgeseg.train.augment import augment
from edgeseg.train.options import TrainOptions

__all__ = ["Batch", "Batches"]

Batch: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int32]]
"""Normalized images (N, H, W, 3) and labels (N, H, W), -1 where ignored."""


class Batches:
    """Augmented training batches by step; the n-th is the same whatever was asked for before it."""

    def __init__(self, dataset: Dataset, normalization: Normalization, options: TrainOptions) -> None:
        if not len(dataset):
            raise InputError(f"dataset {dataset.name}: no images to train on; check its path and split")
        self._dataset = dataset
        self._options = options
        mean, std = np.array(normalization.mean), np.array(normalization.std)
        self._gain = (1.0 / (255.0 * std)).astype(np.float32)
        self._shift = (-mean / std).astype(np.float32)
        self._channels = slice(None, None, -1 if normalization.order == "BGR" else 1)
        self._cache: dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
        self._cache_bytes = options.cache_mib * 2**20

    def _load(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if index in self._cache:
            return self._cache[index]
        image, label = self._dataset[index]
        classes = len(self._dataset.classes)
        if np.any((label >= classes) & (label != IGNORE)):
            value = int(label[label != IGNORE].max())
            raise InputError(
                f"dataset {self._dataset.name}, image {index}: label value {value} is none of its {classes} classes; "
                f"use 0 to {classes - 1}, or {IGNORE} to ignore"
            )
        if self._cache_bytes >= image.nbytes + label.nbytes:
            self._cache_bytes -= image.nbytes + label.nbytes
            self._cache[index] = image, label
        return image, label

    def _index(self, sample: int) -> int:
        epoch, position = divmod(sample, len(self._dataset))
        order = np.random.default_rng((self._options.seed, 0, epoch)).permutation(len(self._dataset))
        return int(order[position])

    def __getitem__(self, step: int) -> Batch:
        options = self._options
        images = np.empty((options.batch, options.crop.height, options.crop.width, 3), np.float32)
        labels = np.empty(images.shape[:3], np.int32)
        for i in range(options.batch):
            sample = step * options.batch + i
            rng = np.random.default_rng((options.seed, 1, sample))
            image, label = augment(*self._load(self._index(sample)), options, rng)
            images[i, :, :, self._channels] = image * self._gain + self._shift
            labels[i] = np.where(label == IGNORE, -1, label.astype(np.int32))
        return images, labels

    def class_weights(self) -> NDArray[np.float32]:
        """One weight a class, from the labels of up to 200 images evenly spread; 1 on average over their pixels."""
        if not self._options.balance:
            return np.ones(len(self._dataset.classes), np.float32)
        counts = np.zeros(256, np.int64)
        for index in range(0, len(self._dataset), max(1, len(self._dataset) // 200)):
            counts += np.bincount(self._load(index)[1].ravel(), minlength=256)
        share = counts[: len(self._dataset.classes)] / max(1, counts[:IGNORE].sum())
        weights = np.maximum(share, 1e-4) ** -self._options.balance
        return np.asarray(weights / max(1e-4, float((weights * share).sum())), np.float32)

    def stream(self, first: int) -> Generator[Batch, None, None]:
        """The batches from step `first` on, the next ones being prepared while one is used."""
        if not self._options.workers:
            while True:
                yield self[first]
                first += 1
        pool = ThreadPoolExecutor(self._options.workers, "edgeseg-batch")
        waiting: deque[Future[Any]] = deque()
        try:
            while True:
                while len(waiting) < 2 * self._options.workers + 1:
                    waiting.append(pool.submit(self.__getitem__, first))
                    first += 1
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
