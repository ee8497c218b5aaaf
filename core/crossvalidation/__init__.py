"""Cross-validation: folds, their trainings, what comes of them."""
