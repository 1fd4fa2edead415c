"""The engine: numba kernels over sparse layers. Arrays in, arrays out."""
