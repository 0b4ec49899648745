"""What the server of `processes` loads, and does once, before it is forked for a command."""

import io

import distributed
import matplotlib.backends.backend_pdf
import matplotlib.backends.backend_svg
import narwhals
import pandas
import pyarrow.pandas_compat
import pydantic
import skops.io
import typer._adapters
from matplotlib.figure import Figure

import isoloss.__main__
import isoloss.cli
