"""BLAS threads and Dask clusters."""
