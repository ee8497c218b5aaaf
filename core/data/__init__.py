"""Reference data: labels, classes, splits, chip sets, normalisation, augmentation."""
