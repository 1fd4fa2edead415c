"""Models made of sparse layers: NumPy in, NumPy out."""
