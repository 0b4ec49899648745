"""Threads of BLAS, and clusters of Dask."""
