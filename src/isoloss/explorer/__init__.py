"""The interactive page: the paper's example, any spectrum, your data."""

try:
    import starlette
    import uvicorn
except ImportError:
    raise ImportError(
        "the explorer needs Starlette and uvicorn: python -m pip install 'isoloss[explore]'"
    ) from None
del starlette, uvicorn

from isoloss.explorer.server import create_app
from isoloss.explorer.serving import serve

__all__ = ["create_app", "serve"]
