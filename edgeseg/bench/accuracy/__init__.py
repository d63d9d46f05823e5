"""mIoU, and how sure a difference of two is."""
