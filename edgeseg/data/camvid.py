"""CamVid in the layout that SegNet's authors published (Brostow et al., 2009; Badrinarayanan et al., 2015)."""

from __future__ import annotations

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import DatasetDeclaration, DatasetOptions
from edgeseg.data.labels import CAMVID_CLASSES, CAMVID_PALETTE
from edgeseg.data.pairs import LabelCode, Pair, Pairs, existing_folder, images_in, need_labels

__all__ = ["DECLARATION", "open_dataset"]

DECLARATION = DatasetDeclaration(
    name="camvid",
    summary="CamVid, 11 classes, SegNet layout: SPLIT/*.png with SPLITannot/*.png",
    splits=("test", "val", "train"),
    calibration_split="train",
    extra="images",
    package="pillow",
)


def open_dataset(options: DatasetOptions) -> Pairs:
    """The images of one split in the order of their names; InputError names what is missing."""
    split = options.split or DECLARATION.splits[0]
    if split not in DECLARATION.splits:
        raise InputError(f"camvid has no split {split!r}; it has {', '.join(DECLARATION.splits)}")
    if options.path is None:
        raise InputError("camvid needs a folder; write camvid:PATH")
    layout = f"{split}/*.png with {split}annot/*.png of the same names (SegNet layout)"
    root = existing_folder(options.path, f"a folder with {layout}")
    code = LabelCode.train_ids(len(CAMVID_CLASSES), void=len(CAMVID_CLASSES))
    images, unread = images_in(root / split, (root / split).glob("*"), layout, options)
    pairs = [Pair(image, root / f"{split}annot" / f"{image.stem}.png", code) for image in images]
    need_labels(pairs)
    return Pairs("camvid", pairs, CAMVID_CLASSES, CAMVID_PALETTE, options.size, split, unread)
